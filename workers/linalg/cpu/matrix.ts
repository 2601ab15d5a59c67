import type { FloatArray, Matrix, Precision } from '../contract.js';

/** Row-major matrix in JavaScript memory: element (i, j) is data[offset + i·stride + j]. */
export class CpuMatrix implements Matrix {
  readonly rows: number;
  readonly cols: number;
  readonly stride: number;
  readonly offset: number;
  private held: FloatArray | undefined;
  /** Whether the backend made the memory and nobody outside has seen it: it may be used again after `dispose`. */
  private readonly own: Ownership;

  constructor(
    data: FloatArray,
    rows: number,
    cols: number,
    stride = cols,
    offset = 0,
    own: Ownership = { exclusive: false },
  ) {
    if (rows * cols > 0 && offset + (rows - 1) * stride + cols > data.length)
      throw new RangeError(`A ${rows} × ${cols} matrix (stride ${stride}) does not fit in ${data.length} elements.`);
    this.held = data;
    this.own = own;
    this.rows = rows;
    this.cols = cols;
    this.stride = stride;
    this.offset = offset;
  }

  get data(): FloatArray {
    if (!this.held) throw new Error('This matrix was disposed.');
    return this.held;
  }

  get precision(): Precision {
    return this.data instanceof Float64Array ? 'float64' : 'float32';
  }

  /** Whether the rows lie one behind the other without gaps. */
  get contiguous(): boolean {
    return this.stride === this.cols || this.rows <= 1;
  }

  /** The memory from the first element on, as a pointer argument. */
  get pointer(): FloatArray {
    return this.offset === 0 ? this.data : this.data.subarray(this.offset);
  }

  /** Of a contiguous matrix: all of it, sharing memory. */
  get values(): FloatArray {
    return this.data.subarray(this.offset, this.offset + this.rows * this.cols);
  }

  /** Row i, sharing memory. */
  row(i: number): FloatArray {
    const start = this.offset + i * this.stride;
    return this.data.subarray(start, start + this.cols);
  }

  /** The memory leaves the backend's hands. */
  share(): void {
    this.own.exclusive = false;
  }

  /** Same memory, other extent. */
  window(rows: number, cols: number, offset: number): CpuMatrix {
    return new CpuMatrix(this.data, rows, cols, this.stride, offset, this.own);
  }

  /** Give up the memory; it may be used again where the backend made it and nobody outside has seen it. */
  release(): { data: FloatArray | undefined; reusable: boolean } {
    const data = this.held;
    this.held = undefined;
    return { data, reusable: this.own.exclusive };
  }
}

interface Ownership {
  exclusive: boolean;
}

export const cpu = (a: Matrix): CpuMatrix => a as CpuMatrix;

export function allocate(length: number, precision: Precision): FloatArray {
  return precision === 'float64' ? new Float64Array(length) : new Float32Array(length);
}

/** Contiguous copy of `a` in `precision`. */
export function copyOf(a: CpuMatrix, precision: Precision = a.precision): CpuMatrix {
  const out = allocate(a.rows * a.cols, precision);
  if (a.contiguous) out.set(a.values);
  else for (let i = 0; i < a.rows; i++) out.set(a.row(i), i * a.cols);
  return new CpuMatrix(out, a.rows, a.cols);
}

/** Rows [r0, r1) × columns [c0, c1) of `a`, sharing memory. */
export function viewOf(a: CpuMatrix, r0: number, r1: number, c0: number, c1: number): CpuMatrix {
  if (r0 < 0 || c0 < 0 || r1 > a.rows || c1 > a.cols || r1 < r0 || c1 < c0)
    throw new RangeError(`View [${r0}, ${r1}) × [${c0}, ${c1}) outside a ${a.rows} × ${a.cols} matrix.`);
  return a.window(r1 - r0, c1 - c0, a.offset + r0 * a.stride + c0);
}

/** Edge of the square tiles in which triangles are mirrored: two tiles of float64 fit in a 32 KB L1 cache. */
const TILE = 32;

/** Copy the upper triangle (row-major) of a square matrix to its lower one. */
export function mirrorUpper(a: CpuMatrix): void {
  const { data, stride, offset, rows: n } = a;
  for (let i0 = 0; i0 < n; i0 += TILE)
    for (let j0 = i0; j0 < n; j0 += TILE)
      for (let i = i0; i < Math.min(i0 + TILE, n); i++) {
        const from = Math.max(j0, i + 1);
        mirrorRow(data, offset + i * stride + from, offset + from * stride + i, stride, Math.min(j0 + TILE, n) - from);
      }
}

function mirrorRow(data: FloatArray, from: number, to: number, stride: number, count: number): void {
  for (let j = 0; j < count; j++) data[to + j * stride] = data[from + j];
}

/** Turn the row order of `a` upside down, in place. */
export function reverseRows(a: CpuMatrix): void {
  for (let top = 0, bottom = a.rows - 1; top < bottom; top++, bottom--) {
    const kept = a.row(top).slice();
    a.row(top).set(a.row(bottom));
    a.row(bottom).set(kept);
  }
}

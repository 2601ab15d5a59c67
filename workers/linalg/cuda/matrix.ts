import type { Matrix, Precision } from '../contract.js';
import type { CpuMatrix } from '../cpu/matrix.js';
import type { Block } from './device-pool.js';

/** Where a matrix's memory is: on the device, or on the host where the device had no room for it. */
export type Storage = { block: Block | null } | { host: CpuMatrix };

/** Row-major: element (i, j) is `offset + i·stride + j` elements into its storage. */
export class CudaMatrix implements Matrix {
  readonly rows: number;
  readonly cols: number;
  readonly precision: Precision;
  readonly stride: number;
  readonly offset: number;
  readonly storage: Storage;

  constructor(storage: Storage, precision: Precision, rows: number, cols: number, stride = cols, offset = 0) {
    this.storage = storage;
    this.precision = precision;
    this.rows = rows;
    this.cols = cols;
    this.stride = stride;
    this.offset = offset;
  }

  /** Bytes of an element. */
  get size(): number {
    return this.precision === 'float64' ? 8 : 4;
  }

  get onDevice(): boolean {
    return 'block' in this.storage;
  }

  /** Device address of the first element; the address of nothing is 0. */
  get pointer(): number {
    if (!('block' in this.storage)) throw new Error('This matrix is in the host’s memory.');
    if (this.rows * this.cols === 0) return 0;
    if (!this.storage.block) throw new Error('This matrix was disposed.');
    return this.storage.block.pointer + this.offset * this.size;
  }

  /** Bytes from row to row. */
  get pitch(): number {
    return Math.max(1, this.stride) * this.size;
  }

  /** Leading dimension as the libraries want it. */
  get ld(): number {
    return Math.max(1, this.stride);
  }

  window(r0: number, r1: number, c0: number, c1: number): CudaMatrix {
    if (r0 < 0 || c0 < 0 || r1 > this.rows || c1 > this.cols || r1 < r0 || c1 < c0)
      throw new RangeError(`View [${r0}, ${r1}) × [${c0}, ${c1}) outside a ${this.rows} × ${this.cols} matrix.`);
    const offset = this.offset + r0 * this.stride + c0;
    return new CudaMatrix(this.storage, this.precision, r1 - r0, c1 - c0, this.stride, offset);
  }
}

export const cuda = (a: Matrix): CudaMatrix => a as CudaMatrix;

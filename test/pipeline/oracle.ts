import { SafetensorsFile } from '../../src/safetensors/file.js';

/** Row-major float64 matrix and the few loops the oracle needs: slow, plain, and nothing shared with the code under test. */
export interface Mat {
  rows: number;
  cols: number;
  data: Float64Array;
}

export const mat = (rows: number, cols: number, values?: ArrayLike<number>): Mat => ({
  rows,
  cols,
  data: values ? Float64Array.from(values) : new Float64Array(rows * cols),
});

export function mul(a: Mat, b: Mat): Mat {
  if (a.cols !== b.rows) throw new Error(`${a.rows}×${a.cols} times ${b.rows}×${b.cols}`);
  const out = mat(a.rows, b.cols);
  for (let i = 0; i < a.rows; i++)
    for (let k = 0; k < a.cols; k++) {
      const x = a.data[i * a.cols + k];
      for (let j = 0; j < b.cols; j++) out.data[i * b.cols + j] += x * b.data[k * b.cols + j];
    }
  return out;
}

export function transpose(a: Mat): Mat {
  const out = mat(a.cols, a.rows);
  for (let i = 0; i < a.rows; i++) for (let j = 0; j < a.cols; j++) out.data[j * a.rows + i] = a.data[i * a.cols + j];
  return out;
}

export const minus = (a: Mat, b: Mat): Mat =>
  mat(
    a.rows,
    a.cols,
    a.data.map((x, i) => x - b.data[i]),
  );
export const norm = ({ data }: Pick<Mat, 'data'>): number => Math.sqrt(data.reduce((sum, x) => sum + x * x, 0));
export const maxAbs = ({ data }: Pick<Mat, 'data'>): number => data.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
export const meanAbs = ({ data }: Pick<Mat, 'data'>): number =>
  data.reduce((sum, x) => sum + Math.abs(x), 0) / data.length;

export function identity(n: number): Mat {
  const out = mat(n, n);
  for (let i = 0; i < n; i++) out.data[i * n + i] = 1;
  return out;
}

/** Add α·b into `a` at (row, col). */
export function place(a: Mat, b: Mat, row: number, col: number, alpha = 1): void {
  for (let i = 0; i < b.rows; i++)
    for (let j = 0; j < b.cols; j++) a.data[(row + i) * a.cols + col + j] += alpha * b.data[i * b.cols + j];
}

/** The table of docs/method.md, section 2: block diagonal, stacked, side by side, or a weighted sum. */
export function cat(parts: readonly Mat[], outShared: boolean, inShared: boolean, weights: readonly number[]): Mat {
  const sum = (list: number[]) => list.reduce((a, b) => a + b, 0);
  const rows = outShared ? parts[0].rows : sum(parts.map((p) => p.rows));
  const cols = inShared ? parts[0].cols : sum(parts.map((p) => p.cols));
  const whole = mat(rows, cols);
  let [r, c] = [0, 0];
  parts.forEach((part, i) => {
    place(whole, part, r, c, outShared ? weights[i] : 1);
    if (!outShared) r += part.rows;
    if (!inShared) c += part.cols;
  });
  return whole;
}

/** Singular values, descending, by one-sided Jacobi rotations of the columns (Hestenes 1958). */
export function singularValuesOf(a: Mat): number[] {
  const u = a.cols > a.rows ? transpose(a) : mat(a.rows, a.cols, a.data);
  for (let sweep = 0; sweep < 60; sweep++) {
    let rotated = false;
    for (let p = 0; p < u.cols; p++)
      for (let q = p + 1; q < u.cols; q++) {
        let [alpha, beta, gamma] = [0, 0, 0];
        for (let i = 0; i < u.rows; i++) {
          const [x, y] = [u.data[i * u.cols + p], u.data[i * u.cols + q]];
          alpha += x * x;
          beta += y * y;
          gamma += x * y;
        }
        if (Math.abs(gamma) <= 1e-15 * Math.sqrt(alpha * beta)) continue;
        rotated = true;
        const zeta = (beta - alpha) / (2 * gamma);
        const t = (zeta >= 0 ? 1 : -1) / (Math.abs(zeta) + Math.sqrt(1 + zeta * zeta));
        const c = 1 / Math.sqrt(1 + t * t);
        for (let i = 0; i < u.rows; i++) {
          const [x, y] = [u.data[i * u.cols + p], u.data[i * u.cols + q]];
          u.data[i * u.cols + p] = c * x - c * t * y;
          u.data[i * u.cols + q] = c * t * x + c * y;
        }
      }
    if (!rotated) break;
  }
  const sigma = Array.from({ length: u.cols }, (_, j) => {
    let sum = 0;
    for (let i = 0; i < u.rows; i++) sum += u.data[i * u.cols + j] ** 2;
    return Math.sqrt(sum);
  });
  return sigma.sort((x, y) => y - x);
}

/** Every tensor of a file as a float64 matrix (vectors as one row). */
export async function readAll(path: string): Promise<{
  tensors: Map<string, Mat>;
  shapes: Map<string, number[]>;
  dtypes: Map<string, string>;
  metadata: ReadonlyMap<string, string>;
  ints: (name: string) => number[];
}> {
  const file = await SafetensorsFile.open(path);
  const tensors = new Map<string, Mat>();
  const ints = new Map<string, number[]>();
  for (const [name, info] of file.header.tensors) {
    if (info.dtype === 'I32') {
      const bytes = await file.bytes(info);
      ints.set(name, [...new Int32Array(bytes.buffer, 0, bytes.length / 4)]);
      continue;
    }
    const [rows, cols] = info.shape.length === 1 ? [1, info.shape[0]] : info.shape;
    tensors.set(name, mat(rows, cols, await file.floats(name, 'float64')));
  }
  await file.close();
  const infos = [...file.header.tensors];
  return {
    tensors,
    shapes: new Map(infos.map(([name, { shape }]) => [name, shape])),
    dtypes: new Map(infos.map(([name, { dtype }]) => [name, dtype])),
    metadata: file.header.metadata,
    ints: (name) => ints.get(name) ?? [],
  };
}

/** E (r × D) and F (D × r) of one space as dense matrices, and the positions of its live units. */
export interface DenseBasis {
  expand: Mat;
  fold: Mat;
  live: number[];
  padding: number[];
}

export async function readBases(
  path: string,
  spaces: readonly { name: string; source_widths: number[]; width: number }[],
) {
  const file = await readAll(path);
  const bases = new Map<string, DenseBasis>();
  for (const { name, source_widths, width } of spaces) {
    const total = source_widths.reduce((a, b) => a + b, 0);
    const basis: DenseBasis = { expand: mat(width, total), fold: mat(total, width), live: [], padding: [] };
    const blocks = JSON.parse(file.metadata.get(`basis.${name}`) ?? '[]') as { span: [number, number] }[];
    blocks.forEach(({ span }, b) => {
      const [e, f] = [file.tensors.get(`${name}.${b}.expand`), file.tensors.get(`${name}.${b}.fold`)];
      const units = file.ints(`${name}.${b}.units`);
      if (!e || !f) throw new Error(`bases.safetensors lacks block ${b} of ${name}.`);
      units.forEach((unit, j) => {
        if (j < e.rows) {
          basis.live.push(unit);
          for (let x = 0; x < e.cols; x++) basis.expand.data[unit * total + span[0] + x] = e.data[j * e.cols + x];
        } else basis.padding.push(unit);
        for (let x = 0; x < f.rows; x++) basis.fold.data[(span[0] + x) * width + unit] = f.data[x * f.cols + j];
      });
    });
    bases.set(name, basis);
  }
  return bases;
}

import type { TensorPlan, TensorSource } from '../../src/schemas/plan.js';
import type { LinearAlgebra, Matrix } from '../linalg/contract.js';
import type { TensorReader } from '../pipeline/sources.js';

/**
 * One eigenproblem of a space: the writer's rows for some sources, as the operator
 *
 *     A = [W_1; W_2; …] (shared input)   or   blockdiag(W_1, W_2, …)   , optionally with one more column c.
 *
 * Parts are never assembled into A: each verb goes part by part.
 */
export interface Problem {
  sources: number[];
  parts: Part[];
  /** Rows of A. */
  rows: number;
  /** Columns of A, without c. */
  cols: number;
  /** Whether several parts read the same input columns. */
  stacked: boolean;
  layout: TensorPlan['layout'];
  /** Constant part of the space's activations, length rows. */
  constant: Float64Array | null;
}

export interface Part {
  tensor: TensorSource;
  rowAt: number;
  colAt: number;
  rows: number;
  cols: number;
}

/** float64 bytes of one streamed chunk. */
const CHUNK_BYTES = 16 * 1024 * 1024;

export const chunkRows = (cols: number) => Math.max(1, Math.floor(CHUNK_BYTES / 8 / Math.max(1, cols)));

/** The problem of `sources` (indices into the writer's sources) with input copies side by side or shared. */
export function problemOf(
  writer: TensorPlan,
  sources: number[],
  sharedInput: boolean,
  constant: Float64Array | null,
): Problem {
  const parts: Part[] = [];
  let [rows, cols] = [0, 0];
  for (const source of sources) {
    const tensor = writer.sources[source];
    const [out, into] = writer.layout === 'out_in' ? tensor.shape : [tensor.shape[1], tensor.shape[0]];
    parts.push({ tensor, rowAt: rows, colAt: sharedInput ? 0 : cols, rows: out, cols: into });
    rows += out;
    cols = sharedInput ? into : cols + into;
  }
  return { sources, parts, rows, cols, stacked: sharedInput && parts.length > 1, layout: writer.layout, constant };
}

/** C = A·Aᵀ (rows × rows) in float64, streamed over chunks of the other axis. rows²·cols flops. */
export async function gramOfRows(la: LinearAlgebra, reader: TensorReader, problem: Problem): Promise<Matrix> {
  const c = la.zeros(problem.rows, problem.rows, 'float64');
  const groups = problem.stacked ? [problem.parts] : problem.parts.map((part) => [part]);
  for (const group of groups) {
    const from = group[0].rowAt;
    const height = group.reduce((sum, part) => sum + part.rows, 0);
    const out = la.view(c, from, from + height, from, from + height);
    await (problem.layout === 'in_out'
      ? addTransposedGram(la, reader, group, height, out)
      : addRowGram(la, reader, group, height, out));
  }
  if (problem.constant) {
    const column = la.upload(problem.constant.slice(), problem.rows, 1);
    await la.gemm(column, column, { transB: true, beta: 1, out: c });
  }
  return c;
}

/** Parts [rows, cols] in memory, one chunk of columns at a time in float64. */
async function addRowGram(la: LinearAlgebra, reader: TensorReader, group: Part[], height: number, out: Matrix) {
  const loaded = await Promise.all(group.map((part) => reader.matrix(part.tensor)));
  const chunk = chunkRows(height);
  for (let from = 0; from < group[0].cols; from += chunk) {
    const to = Math.min(from + chunk, group[0].cols);
    const wide = la.zeros(height, to - from, 'float64');
    let at = 0;
    for (const w of loaded) {
      await la.copy(la.view(w, 0, w.rows, from, to), la.view(wide, at, at + w.rows, 0, to - from));
      at += w.rows;
    }
    await la.syrk(wide, { beta: 1, out });
    la.dispose(wide);
  }
  for (const w of loaded) la.dispose(w);
}

/** Parts stored [cols, rows] (embeddings), read in chunks of stored rows: nothing is ever whole in memory. */
async function addTransposedGram(la: LinearAlgebra, reader: TensorReader, group: Part[], height: number, out: Matrix) {
  const chunk = chunkRows(height);
  for (let from = 0; from < group[0].cols; from += chunk) {
    const to = Math.min(from + chunk, group[0].cols);
    const wide = new Float64Array((to - from) * height);
    let at = 0;
    for (const part of group) {
      const values = await reader.rows(part.tensor, from, to, 'float64');
      for (let i = 0; i < to - from; i++)
        wide.set(values.subarray(i * part.rows, (i + 1) * part.rows), i * height + at);
      at += part.rows;
    }
    const x = la.upload(wide, to - from, height);
    await la.syrk(x, { transpose: true, beta: 1, out });
    la.dispose(x);
  }
}

/** V = Aᵀ·A (cols × cols) in float64 for out_in parts without c; only where parts share their input or there is one. */
export async function gramOfColumns(la: LinearAlgebra, reader: TensorReader, problem: Problem): Promise<Matrix> {
  const v = la.zeros(problem.cols, problem.cols, 'float64');
  for (const part of problem.parts)
    await forRowChunks(la, reader, part, (x) => la.syrk(x, { transpose: true, beta: 1, out: v }));
  return v;
}

/** Call `work` with float64 chunks [c, cols] of a part's rows and the row they start at. */
export async function forRowChunks(
  la: LinearAlgebra,
  reader: TensorReader,
  part: Part,
  work: (x: Matrix, from: number) => Promise<unknown>,
): Promise<void> {
  const chunk = chunkRows(part.cols);
  for (let from = 0; from < part.rows; from += chunk) {
    const to = Math.min(from + chunk, part.rows);
    const x = await reader.block(part.tensor, from, to, 'float64');
    await work(x, from);
    la.dispose(x);
  }
}

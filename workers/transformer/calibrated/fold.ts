import type { LinearAlgebra } from '../../linalg/contract.js';
import type { Fold } from '../readers.js';
import type { RidgeFit } from './ridge.js';

/**
 * The fold of one norm by ridge regression from the result's normed stream to the sources' unit streams.
 * Every reader there is linear in those, so regressing a reader's pre-activations would give exactly its weights times
 * this fold: one fit of width D serves q, k, v, gate, up and the vocabulary alike.
 *
 * @param fit targets are the D unit streams, then the constant 1.
 */
export async function ridgeFold(la: LinearAlgebra, fit: RidgeFit, total: number, intercept: boolean): Promise<Fold> {
  const solution = await fit.solve(intercept);
  const values = await la.download(solution);
  const r = solution.rows - (intercept ? 1 : 0);
  const matrix = new Float32Array(total * r);
  for (let j = 0; j < r; j++) for (let i = 0; i < total; i++) matrix[i * r + j] = values[j * (total + 1) + i];
  const constant = Float64Array.from({ length: r }, (_, j) => values[j * (total + 1) + total]);
  const offset = intercept ? Float64Array.from(values.subarray(r * (total + 1), r * (total + 1) + total)) : null;
  la.dispose(solution);
  return { matrix: la.upload(matrix, total, r), offset, constant: intercept ? null : constant };
}

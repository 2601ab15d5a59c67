import type { LinearAlgebra } from '../linalg/contract.js';
import type { BasisBlock } from './basis.js';

/** max |E·F − diag(I_k, 0)| of a block. */
export async function identityError(la: LinearAlgebra, { expand, fold }: BasisBlock): Promise<number> {
  const identity =
    expand.precision === 'float64'
      ? new Float64Array(expand.rows * fold.cols)
      : new Float32Array(expand.rows * fold.cols);
  for (let i = 0; i < expand.rows; i++) identity[i * fold.cols + i] = 1;
  const difference = la.upload(identity, expand.rows, fold.cols);
  await la.gemm(expand, fold, { beta: -1, out: difference });
  const { maxAbs } = await la.norms(difference);
  la.dispose(difference);
  return maxAbs;
}

import type { LinearAlgebra } from '../linalg/contract.js';
import type { BasisBlock } from './basis.js';

/** max |E·F − diag(I_k, 0)| of a block; for a block that grows a space, max |F·E − I|. */
export async function identityError(la: LinearAlgebra, { expand, fold }: BasisBlock, growth: boolean): Promise<number> {
  const [left, right] = growth ? [fold, expand] : [expand, fold];
  const size = left.rows * right.cols;
  const identity = expand.precision === 'float64' ? new Float64Array(size) : new Float32Array(size);
  for (let i = 0; i < left.rows; i++) identity[i * right.cols + i] = 1;
  const difference = la.upload(identity, left.rows, right.cols);
  await la.gemm(left, right, { beta: -1, out: difference });
  const { maxAbs } = await la.norms(difference);
  la.dispose(difference);
  return maxAbs;
}

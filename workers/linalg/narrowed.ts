import { checkRange } from '../../src/safetensors/range.js';
import type { LinearAlgebra, Matrix, Precision } from './contract.js';

/**
 * A new matrix in another precision, as `LinearAlgebra.cast`, whose values are known to fit.
 * @param subject what the values are, for the message
 * @throws DataError `float32_overflow`
 */
export async function narrowed(la: LinearAlgebra, a: Matrix, precision: Precision, subject: string): Promise<Matrix> {
  if (a.precision === 'float64' && precision === 'float32')
    await la.inspect(a, (values) => checkRange(values, 'F32', subject));
  return la.cast(a, precision);
}

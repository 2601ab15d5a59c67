import { Mt19937 } from '../../src/random/mt19937.js';
import type { LinearAlgebra, Matrix, Precision } from '../linalg/contract.js';

/** rows × cols standard normal numbers from a seed. */
export function gaussian(la: LinearAlgebra, rows: number, cols: number, seed: number, precision: Precision): Matrix {
  const random = new Mt19937(seed);
  const data = precision === 'float64' ? new Float64Array(rows * cols) : new Float32Array(rows * cols);
  for (let i = 0; i < data.length; i += 2) {
    const [first, second] = random.normalPair();
    data[i] = first;
    if (i + 1 < data.length) data[i + 1] = second;
  }
  return la.upload(data, rows, cols);
}

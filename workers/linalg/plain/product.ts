import type { FloatArray } from '../contract.js';

/** A row-major operand: element (i, j) at offset + i·stride + j. */
export interface Operand {
  data: FloatArray;
  offset: number;
  stride: number;
}

/**
 * C = α·A·B + β·C for A (m × k) and B (k × n), sums in float64. Four rows of B at a time, so that a row of the result is
 * read and written a quarter as often; about 1 GFLOP/s, for sizes where no library is there to do better.
 */
export function multiply(
  a: Operand,
  b: Operand,
  c: Operand,
  [m, k, n]: readonly [number, number, number],
  alpha: number,
  beta: number,
): void {
  const sums = new Float64Array(n);
  const [x, y, out] = [a.data, b.data, c.data];
  for (let i = 0; i < m; i++) {
    sums.fill(0);
    const row = a.offset + i * a.stride;
    let l = 0;
    for (; l + 4 <= k; l += 4) {
      const [a0, a1, a2, a3] = [x[row + l], x[row + l + 1], x[row + l + 2], x[row + l + 3]];
      const b0 = b.offset + l * b.stride;
      const [b1, b2, b3] = [b0 + b.stride, b0 + 2 * b.stride, b0 + 3 * b.stride];
      for (let j = 0; j < n; j++) sums[j] += a0 * y[b0 + j] + a1 * y[b1 + j] + a2 * y[b2 + j] + a3 * y[b3 + j];
    }
    for (; l < k; l++) {
      const [al, bl] = [x[row + l], b.offset + l * b.stride];
      for (let j = 0; j < n; j++) sums[j] += al * y[bl + j];
    }
    const target = c.offset + i * c.stride;
    if (beta === 0) for (let j = 0; j < n; j++) out[target + j] = alpha * sums[j];
    else for (let j = 0; j < n; j++) out[target + j] = alpha * sums[j] + beta * out[target + j];
  }
}

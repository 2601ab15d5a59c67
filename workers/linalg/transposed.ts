import type { FloatArray } from './contract.js';

/** Edge of the square tiles of a transposition: one tile of each side fits in a 32 KB L1 cache. */
const TILE = 32;

/** Row-major [rows, cols] → row-major [cols, rows]. */
export function transposed<T extends FloatArray>(values: T, rows: number, cols: number): T {
  const out = (values instanceof Float64Array ? new Float64Array(values.length) : new Float32Array(values.length)) as T;
  for (let i0 = 0; i0 < rows; i0 += TILE)
    for (let j0 = 0; j0 < cols; j0 += TILE)
      for (let i = i0; i < Math.min(i0 + TILE, rows); i++)
        for (let j = j0; j < Math.min(j0 + TILE, cols); j++) out[j * rows + i] = values[i * cols + j];
  return out;
}

import type { FloatArray } from '../linalg/contract.js';

/** Per row of `width` entries ±1, so that times it the row's largest entry by magnitude (the first of equals) is positive. */
export function signsOf(rows: FloatArray, width: number): Float64Array {
  const signs = new Float64Array(width === 0 ? 0 : rows.length / width);
  for (let i = 0; i < signs.length; i++) {
    let largest = 0;
    for (let j = i * width; j < (i + 1) * width; j++) if (Math.abs(rows[j]) > Math.abs(largest)) largest = rows[j];
    signs[i] = largest < 0 ? -1 : 1;
  }
  return signs;
}

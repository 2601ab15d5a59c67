import type { Method } from '../schemas/method.js';

/**
 * Which factorization a space gets. `auto` is the notebook's rule: covariance where min(rows, cols) ≤ r, for mode
 * `separate` comparing one source's shape with its share of r.
 *
 * @param shapes the writer's `[out, in]` in each source
 * @param sharedInput whether the sources' input axes are one axis (stacked) or several (block diagonal)
 */
export function factorizationOf(
  method: Method,
  shapes: readonly (readonly number[])[],
  sharedInput: boolean,
  width: number,
): 'weight' | 'covariance' {
  if (method.factorization !== 'auto') return method.factorization;
  if (method.mode === 'separate') {
    const share = Math.floor(width / shapes.length);
    return Math.min(shapes[0][0], shapes[0][1]) <= share ? 'covariance' : 'weight';
  }
  const rows = shapes.reduce((sum, [out]) => sum + out, 0);
  const cols = sharedInput ? shapes[0][1] : shapes.reduce((sum, [, into]) => sum + into, 0);
  return Math.min(rows, cols) <= width ? 'covariance' : 'weight';
}

/**
 * Directions per source in mode `separate`: width/N each, a remainder to the first sources, never more than a source
 * has; what a source cannot take goes to the others.
 */
export function sharesOf(width: number, widths: readonly number[]): number[] {
  const shares = widths.map(() => 0);
  let left = width;
  while (left > 0) {
    const open = widths.flatMap((d, i) => (shares[i] < d ? [i] : []));
    if (open.length === 0) break;
    const each = Math.floor(left / open.length);
    let extra = left % open.length;
    for (const i of open) {
      const wanted = each + (extra > 0 ? 1 : 0);
      if (extra > 0) extra--;
      const taken = Math.min(wanted, widths[i] - shares[i]);
      shares[i] += taken;
      left -= taken;
    }
  }
  return shares;
}

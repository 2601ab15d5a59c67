import { columnOf, type Reflector, reflectorOf } from './householder.js';

/** QL iterations per eigenvalue after which convergence is given up; two are usual. */
const MAX_ITERATIONS = 60;
/** Off-diagonal entries below this share of the matrix are zero whatever stands beside them. */
const NEGLIGIBLE = 1e-18;

/**
 * Eigenvalues of a symmetric matrix, given as its rows (overwritten), and its eigenvectors as rows; ascending order not
 * guaranteed. Householder tridiagonalization (2·n³ flops), then implicit QL (Golub & Van Loan, sections 8.3.1 and 8.3.3;
 * about 5·n³ with vectors). Null where it does not converge.
 */
export function symmetricEigen(
  a: Float64Array[],
  vectors: boolean,
): { values: Float64Array; vectors: Float64Array[] } | null {
  const n = a.length;
  const { diagonal, beside, reflectors } = tridiagonalize(a);
  const rows = vectors ? Array.from({ length: n }, (_, j) => columnOf(reflectors, j, n, 1)) : [];
  return implicitQl(diagonal, beside, rows) ? { values: diagonal, vectors: rows } : null;
}

function tridiagonalize(a: Float64Array[]) {
  const n = a.length;
  const [diagonal, beside] = [new Float64Array(n), new Float64Array(n)];
  const reflectors: Reflector[] = [];
  const w = new Float64Array(n);
  for (let k = 0; k < n - 1; k++) {
    diagonal[k] = a[k][k];
    const { reflector, head } = reflectorOf(a[k], k + 1);
    beside[k] = head;
    reflectors.push(reflector);
    const { v, beta } = reflector;
    if (beta === 0) continue;
    // A ← H·A·H = A − v·wᵀ − w·vᵀ with p = β·A·v, w = p − (β/2)·(pᵀv)·v
    let along = 0;
    for (let i = k + 1; i < n; i++) {
      let sum = 0;
      const row = a[i];
      for (let j = k + 1; j < n; j++) sum += row[j] * v[j];
      w[i] = beta * sum;
      along += w[i] * v[i];
    }
    for (let i = k + 1; i < n; i++) w[i] -= (beta / 2) * along * v[i];
    for (let i = k + 1; i < n; i++) {
      const [row, vi, wi] = [a[i], v[i], w[i]];
      for (let j = k + 1; j < n; j++) row[j] -= vi * w[j] + wi * v[j];
    }
  }
  if (n > 0) diagonal[n - 1] = a[n - 1][n - 1];
  return { diagonal, beside, reflectors };
}

/** Diagonalizes in place; the rotations of columns i and i + 1 of Q are applied to rows i and i + 1 of `rows`. */
function implicitQl(d: Float64Array, e: Float64Array, rows: Float64Array[]): boolean {
  const n = d.length;
  const scale = d.reduce((largest, value, i) => Math.max(largest, Math.abs(value), Math.abs(e[i])), 0);
  const small = (i: number) =>
    Math.abs(e[i]) <= Math.max(Number.EPSILON * (Math.abs(d[i]) + Math.abs(d[i + 1])), NEGLIGIBLE * scale);
  for (let l = 0; l < n; l++) {
    for (let iteration = 0; ; iteration++) {
      let m = l;
      while (m < n - 1 && !small(m)) m++;
      if (m === l) break;
      if (iteration === MAX_ITERATIONS || Number.isNaN(scale)) return false;
      // Wilkinson's shift, from the leading 2 × 2 block
      const half = (d[l + 1] - d[l]) / (2 * e[l]);
      let g = d[m] - d[l] + e[l] / (half + (half >= 0 ? 1 : -1) * Math.hypot(half, 1));
      let [s, c, p] = [1, 1, 0];
      let i = m - 1;
      for (; i >= l; i--) {
        const [f, b] = [s * e[i], c * e[i]];
        const r = Math.hypot(f, g);
        e[i + 1] = r;
        if (r === 0) {
          d[i + 1] -= p;
          e[m] = 0;
          break;
        }
        [s, c] = [f / r, g / r];
        g = d[i + 1] - p;
        const t = (d[i] - g) * s + 2 * c * b;
        p = s * t;
        d[i + 1] = g + p;
        g = c * t - b;
        if (rows.length > 0) rotate(rows[i], rows[i + 1], c, s);
      }
      if (i >= l) continue;
      d[l] -= p;
      e[l] = g;
      e[m] = 0;
    }
  }
  return true;
}

function rotate(x: Float64Array, y: Float64Array, c: number, s: number): void {
  for (let k = 0; k < x.length; k++) {
    const [first, second] = [x[k], y[k]];
    x[k] = c * first - s * second;
    y[k] = s * first + c * second;
  }
}

import type { Activation } from '../../../src/families/description.js';
import type { FloatArray } from '../../linalg/contract.js';
import { activate } from '../forward/activations.js';

/** Beyond 8 standard deviations lies 1e-15 of a Gaussian. */
const REACH = 8;
/** The trapezoidal rule is exact to rounding for smooth functions of this width; to 1e-3 at the kink of relu. */
const NODES_PER_UNIT = 8;
/** Terms of the series, the constant counted: what is left out is below 1 % of a GELU's variance. */
const TERMS = 12;

const NODES = Float64Array.from({ length: 2 * REACH * NODES_PER_UNIT + 1 }, (_, i) => i / NODES_PER_UNIT - REACH);

/** He_k(z)/√(k!) by its recurrence, times the weight of each node. */
const WEIGHTED = Array.from({ length: TERMS }, () => new Float64Array(NODES.length));
NODES.forEach((z, n) => {
  const weight = Math.exp(-(z * z) / 2) / (Math.sqrt(2 * Math.PI) * NODES_PER_UNIT);
  let [before, now] = [0, 1];
  for (let k = 0; k < TERMS; k++) {
    WEIGHTED[k][n] = weight * now;
    [before, now] = [now, (z * now - Math.sqrt(k) * before) / Math.sqrt(k + 1)];
  }
});

/** What units f(c_j + a_j·x) do for standard Gaussian x. */
export interface UnitSeries {
  mean: Float64Array;
  variance: Float64Array;
  /** Coefficients 0 … TERMS − 1 in orthonormal Hermite polynomials, unit after unit. */
  coefficients: Float64Array;
}

/** @param constants c_j, @param squares ‖a_j‖² */
export function unitSeries(f: Activation, constants: ArrayLike<number>, squares: ArrayLike<number>): UnitSeries {
  const count = constants.length;
  const [mean, variance] = [new Float64Array(count), new Float64Array(count)];
  const coefficients = new Float64Array(count * TERMS);
  for (let j = 0; j < count; j++) {
    const size = Math.sqrt(squares[j]);
    const values = activate(
      NODES.map((z) => constants[j] + size * z),
      f,
    );
    for (let k = 0; k < TERMS; k++) {
      let sum = 0;
      for (let n = 0; n < values.length; n++) sum += values[n] * WEIGHTED[k][n];
      coefficients[j * TERMS + k] = sum;
    }
    mean[j] = coefficients[j * TERMS];
    for (let n = 0; n < values.length; n++) variance[j] += (values[n] - mean[j]) ** 2 * WEIGHTED[0][n];
  }
  return { mean, variance, coefficients };
}

/**
 * gram ← covariances of the units, Σ_{k≥1} α_k(i)·α_k(j)·ρ_ij^k with ρ the cosine of a_i and a_j (Mehler's formula; the
 * arc-cosine kernel is its sum for relu without constants). The diagonal is the variance itself.
 * @param gram a_i·a_j, all pairs, overwritten; @param squares its diagonal
 */
export function unitCovariance(gram: FloatArray, { variance, coefficients }: UnitSeries, squares: FloatArray): void {
  const n = squares.length;
  const sizes = Float64Array.from(squares, Math.sqrt);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      const size = sizes[i] * sizes[j];
      const cosine = size > 0 ? gram[i * n + j] / size : 0;
      let sum = 0;
      for (let k = TERMS - 1; k >= 1; k--)
        sum = (sum + coefficients[i * TERMS + k] * coefficients[j * TERMS + k]) * cosine;
      gram[i * n + j] = sum;
    }
    gram[i * n + i] = variance[i];
  }
}

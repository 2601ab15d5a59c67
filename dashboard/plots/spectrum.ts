/** Drawn points of one line; more cannot be told apart on a screen. */
const MAX_POINTS = 600;

export interface Curves {
  /** (j, σ_j), j from 1. */
  sigma: [number, number][];
  /** (r, sqrt(Σ_{j>r} σ_j² / Σ σ_j²)): the least relative error at width r (Eckart–Young). */
  error: [number, number][];
  /** Share of Σ σ² that the first r directions hold. */
  retained: (width: number) => number;
}

/** What a spectrum of singular values, descending, says about every width. Tails are summed from the small end. */
export function curvesOf(spectrum: readonly number[]): Curves {
  const tail = new Float64Array(spectrum.length + 1);
  for (let j = spectrum.length - 1; j >= 0; j -= 1) tail[j] = tail[j + 1] + spectrum[j] ** 2;
  const total = tail[0] || 1;
  const every = Math.max(1, Math.ceil(spectrum.length / MAX_POINTS));
  const kept = (index: number) => index % every === 0 || index === spectrum.length - 1;
  return {
    sigma: spectrum.flatMap((value, j): [number, number][] => (kept(j) && value > 0 ? [[j + 1, value]] : [])),
    error: spectrum.flatMap((_, j): [number, number][] =>
      kept(j) && tail[j + 1] > 0 ? [[j + 1, Math.sqrt(tail[j + 1] / total)]] : [],
    ),
    retained: (width) => 1 - tail[Math.min(width, spectrum.length)] / total,
  };
}

import { count } from '../format/numbers.js';
import type { Metrics, TransformerMetrics } from '../schemas/metrics.js';
import { type Line, plot } from './plot.js';

/** Spaces drawn in one plot; more cannot be told apart. */
const MAX_SPACES = 8;
/** Points of a line; more are not seen as such, and cost time to draw. */
const MAX_POINTS = 150;
/** What is drawn as zero: below float32's resolution nothing is told from rounding. */
const FLOOR = 1e-9;

interface Spectrum {
  name: string;
  width: number;
  /** σ², descending. */
  energies: number[];
}

function spectraOf(metrics: Metrics | TransformerMetrics): Spectrum[] {
  const spectra =
    metrics.kind === 'linear'
      ? metrics.spaces.map(({ name, width, spectrum }) => ({ name, width, energies: spectrum.map((s) => s * s) }))
      : [
          {
            name: 'residual',
            width: metrics.spaces.find(({ name }) => name === 'residual')?.width ?? 0,
            energies: metrics.merge.spectrum.map((value) => Math.max(0, value)),
          },
        ];
  return spectra.filter(({ energies }) => energies.length > 1 && energies[0] > 0);
}

const color = (s: number) => `var(--c${s % MAX_SPACES})`;

/** Every so many points, the cut among them; all of the first, where spectra fall steepest. */
function thinned(points: [number, number][], cut: number): [number, number][] {
  const step = Math.max(1, Math.ceil(points.length / MAX_POINTS));
  return points.filter(([x], p) => p < step || p % step === 0 || p === points.length - 1 || x === cut);
}

/** Singular values against their number and error against width, with the cut of each space marked; '' without spectra. */
export async function spectraPlots(metrics: Metrics | TransformerMetrics): Promise<string> {
  const all = spectraOf(metrics);
  if (all.length === 0) return '';
  const lost = ({ energies, width }: Spectrum) => tail(energies)[Math.min(width, energies.length)];
  const shown = all.length <= MAX_SPACES ? all : [...all].sort((a, b) => lost(b) - lost(a)).slice(0, MAX_SPACES);
  const spectrum: Line[] = shown.map(({ name, width, energies }, s) => ({
    name:
      width < energies.length
        ? `${name}: cut at ${count(width)} of ${count(energies.length)}`
        : `${name}: all ${count(energies.length)} kept`,
    points: thinned(
      energies.flatMap((e, j): [number, number][] => {
        const value = Math.sqrt(e / energies[0]);
        return value > FLOOR ? [[j + 1, value]] : [];
      }),
      width,
    ),
    color: color(s),
  }));
  const errors: Line[] = shown.map(({ name, width, energies }, s) => ({
    name: `${name}: ${count(width)}`,
    points: thinned(
      tail(energies).flatMap((value, r): [number, number][] => (r > 0 && value > FLOOR ? [[r, value]] : [])),
      width,
    ),
    color: color(s),
  }));
  const cuts = shown.flatMap(({ name, width, energies }, s) =>
    width < energies.length ? [{ name, x: width, color: color(s) }] : [],
  );
  const left = all.length - shown.length;
  const note =
    left > 0 ? `<p class="quiet">The ${MAX_SPACES} spaces that lose most; ${left} more in metrics.json.</p>` : '';
  const one =
    metrics.kind === 'transformer'
      ? 'square roots of the eigenvalues of the stream’s second moment'
      : 'singular values';
  const shared = { levels: [], cuts, logarithmic: true, half: true };
  const drawn = errors.filter(({ points }) => points.length > 0);
  return `<div class="pair">
<section><h2>Spectra</h2>
<p class="quiet">${one[0].toUpperCase()}${one.slice(1)}, relative to the largest, in descending order; what lies right of a cut (upright line) was left out.</p>
${await plot({ ...shared, lines: spectrum, xName: 'direction', yName: 'σ / σ₁' })}</section>
<section><h2>Error against width</h2>
<p class="quiet">Share of the norm that any choice of that width leaves out in its space, √(Σ<sub>j&gt;r</sub> σ² / Σ σ²); upright: the width taken.</p>
${await plot({ ...shared, lines: drawn, xName: 'width', yName: 'error left out' })}</section>
</div>
${note}`;
}

/** sqrt(Σ_{j≥r} e_j / Σ e_j) for r = 0 … n. */
function tail(energies: readonly number[]): number[] {
  const sums = new Array<number>(energies.length + 1).fill(0);
  for (let r = energies.length - 1; r >= 0; r--) sums[r] = sums[r + 1] + energies[r];
  return sums.map((sum) => Math.sqrt(sum / sums[0]));
}

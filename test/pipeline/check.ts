import { expect } from 'vitest';
import type { SpacePlan } from '../../src/schemas/plan.js';
import { applyChain, applySources, type Merged } from './harness.js';
import {
  cat,
  identity,
  type Mat,
  mat,
  maxAbs,
  meanAbs,
  minus,
  mul,
  norm,
  singularValuesOf,
  transpose,
} from './oracle.js';

/** Rounding of one product, with room for sums of a few dozen terms. */
const EPSILON = { float64: 1e-12, float32: 3e-5 };

const spaceOf = ({ plan }: Merged, name: string | null) => plan.spaces.find((s) => s.name === name) as SpacePlan;

/** The sources' weights of one layer as one matrix, before any basis. */
export function concatenated(m: Merged, name: string): Mat {
  const tensor = m.plan.tensors.find((t) => t.name === name);
  if (!tensor) throw new Error(name);
  const [out, into] = [spaceOf(m, tensor.out_space), spaceOf(m, tensor.in_space)];
  const parts = m.sources.map((source) => source.get(name) as Mat);
  return cat(parts, out.kind === 'shared', into.kind === 'shared', m.plan.source_weights);
}

/** E·F = diag(I_k, 0): ones at the live units, zero elsewhere; padding as asked; shapes as planned. */
export function checkBases(m: Merged): void {
  for (const { name, width, source_widths } of m.plan.spaces.filter(({ reduced }) => reduced)) {
    const basis = m.bases.get(name);
    const report = m.metrics.spaces.find((s) => s.name === name);
    if (!basis || !report) throw new Error(`no basis of ${name}`);
    const { expand, fold, live, padding } = basis;
    const total = source_widths.reduce((a, b) => a + b, 0);
    expect([expand.rows, expand.cols, fold.rows, fold.cols]).toEqual([width, total, total, width]);
    expect(new Set([...live, ...padding]).size).toBe(live.length + padding.length);
    expect(live.length).toBe(report.rank);
    const expected = mat(width, width);
    for (const unit of live) expected.data[unit * width + unit] = 1;
    const spread = report.factorization === 'weight' ? 1 : spreadOf(report.spectrum);
    const tolerance = 100 * EPSILON[m.plan.precision] * Math.max(1, spread);
    const off = maxAbs(minus(mul(expand, fold), expected));
    expect(off).toBeLessThan(tolerance);
    expect(Math.abs(off - report.identity_error)).toBeLessThan(tolerance);
    if (m.spec.method.padding === 'zero') expect(padding).toEqual([]);
    else expect(live.length + padding.length).toBe(width);
    expect(report.padding_columns).toBe(padding.length);
    if (report.factorization !== 'balanced') checkPadding(basis.fold, live, padding, 100 * EPSILON[m.plan.precision]);
  }
}

/** σ₁ over the smallest σ that counts: how far a factor 1/σ amplifies rounding. */
export function spreadOf(spectrum: readonly number[]): number {
  const live = spectrum.filter((sigma) => sigma > 1e-7 * spectrum[0]);
  return live.length === 0 ? 1 : spectrum[0] / live[live.length - 1];
}

/** Surplus columns of F are orthonormal and orthogonal to the live ones. */
function checkPadding(fold: Mat, live: number[], padding: number[], tolerance: number): void {
  if (padding.length === 0) return;
  const columns = transpose(fold);
  const pick = (units: number[], normed: boolean) =>
    mat(
      units.length,
      columns.cols,
      units.flatMap((unit) => {
        const row = [...columns.data.subarray(unit * columns.cols, (unit + 1) * columns.cols)];
        const size = normed ? Math.hypot(...row) : 1;
        return row.map((x) => x / size);
      }),
    );
  const [p, l] = [pick(padding, false), pick(live, true)];
  expect(maxAbs(minus(mul(p, transpose(p)), identity(padding.length)))).toBeLessThan(tolerance);
  if (live.length > 0) expect(maxAbs(mul(p, transpose(l)))).toBeLessThan(tolerance);
}

/** W′ = E_out·cat(W_1 … W_N)·F_in for every weight, with every block written out. */
export function checkRewriting(m: Merged): void {
  for (const tensor of m.plan.tensors) {
    const stored = m.tensors.get(tensor.name) as Mat;
    expect(m.shapes.get(tensor.name)).toEqual(tensor.shape);
    expect(m.dtypes.get(tensor.name)).toBe(tensor.dtype);
    if (tensor.role !== 'weight') continue;
    const e = m.bases.get(tensor.out_space)?.expand ?? identity(spaceOf(m, tensor.out_space).width);
    const f = m.bases.get(tensor.in_space as string)?.fold ?? identity(spaceOf(m, tensor.in_space).width);
    const whole = concatenated(m, tensor.name);
    const expected = mul(mul(e, whole), f);
    const scale = norm(e) * norm(whole) * norm(f);
    expect(maxAbs(minus(stored, expected))).toBeLessThanOrEqual(100 * EPSILON[m.plan.precision] * scale);
  }
}

/** Metrics against the same quantities from the written files. */
export function checkMetrics(m: Merged): void {
  const epsilon = 1000 * EPSILON[m.plan.precision];
  for (const reported of m.metrics.tensors) {
    const tensor = m.plan.tensors.find(({ name }) => name === reported.name);
    const basis = m.bases.get(tensor?.out_space ?? '');
    if (!tensor || !basis) throw new Error(reported.name);
    const whole = concatenated(m, tensor.name);
    const residual = minus(whole, mul(basis.fold, mul(basis.expand, whole)));
    const size = norm(whole);
    const relative = norm(residual) / size;
    const scale = epsilon * Math.max(1, norm(basis.expand) * norm(basis.fold));
    expect(Math.abs(reported.relative_error - relative)).toBeLessThan(scale);
    expect(Math.abs(reported.max_abs_error - maxAbs(residual))).toBeLessThan(scale * size);
    if (m.spec.method.mode === 'diag')
      expect(Math.abs(reported.mean_abs_error - meanAbs(residual))).toBeLessThan(scale * size);
    const sigma = singularValuesOf(whole);
    const energy = (values: number[]) => values.reduce((sum, s) => sum + s * s, 0);
    const optimal = Math.sqrt(energy(sigma.slice(basis.expand.rows)) / energy(sigma));
    // Values come from a Gram matrix: what lies below √ε·σ₁ of it is rounding.
    expect(Math.abs((reported.optimal_relative_error as number) - optimal)).toBeLessThan(Math.max(scale, 1e-7));
    expect(relative).toBeGreaterThanOrEqual(optimal - Math.max(scale, 1e-7));
    const plain = spaceOf(m, tensor.out_space).constant !== 'basis_column';
    if (
      m.spec.method.mode === 'diag' &&
      m.spec.method.solver.type === 'exact' &&
      plain &&
      m.spec.method.basis === 'weight'
    )
      expect(Math.abs(relative - optimal)).toBeLessThan(Math.max(scale, 1e-7));
  }
}

/** End-to-end errors as reported, from the written files and the same probe, in float64 loops. */
export function checkEndToEnd(m: Merged, probe: Mat): void {
  const [y, z] = [applySources(m, probe), applyChain(m.tensors, m.spec, probe)];
  const error = minus(y, z);
  const { end_to_end: reported } = m.metrics;
  const close = (actual: number, expected: number, scale: number) =>
    expect(Math.abs(actual - expected)).toBeLessThan(1e-9 * Math.max(scale, 1e-12));
  close(reported.mean_abs_output, meanAbs(y), meanAbs(y));
  close(reported.mean_abs_error, meanAbs(error), meanAbs(y) + meanAbs(z));
  close(reported.relative_error, norm(error) / norm(y), 1 + norm(z) / norm(y));
  let dot = 0;
  for (let i = 0; i < y.data.length; i++) dot += y.data[i] * z.data[i];
  if (reported.cosine !== null) close(reported.cosine, dot / (norm(y) * norm(z)), 1);
}

/** ‖M′ − M‖_F / ‖M‖_F of the linear parts, written out in full. */
export function checkWholeMap(m: Merged): void {
  const weights = m.plan.tensors.filter(({ role }) => role === 'weight');
  const product = (of: (name: string) => Mat) =>
    weights.map(({ name }) => of(name)).reduce((below, w) => mul(w, below));
  const merged = product((name) => m.tensors.get(name) as Mat);
  const [input, output] = [m.plan.spaces[0], m.plan.spaces[m.plan.spaces.length - 1]];
  const maps = m.sources.map((source) => product((name) => source.get(name) as Mat));
  const whole = cat(maps, output.kind === 'shared', input.kind === 'shared', m.plan.source_weights);
  if (norm(whole) === 0) return;
  const expected = norm(minus(merged, whole)) / norm(whole);
  expect(Math.abs((m.metrics.end_to_end.map_relative_error as number) - expected)).toBeLessThan(
    1e-9 * (1 + norm(merged) / norm(whole)),
  );
}

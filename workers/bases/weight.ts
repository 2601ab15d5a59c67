import { sharesOf } from '../../src/plan/factorization.js';
import type { Method } from '../../src/schemas/job-spec.js';
import type { LinearPlan, SpacePlan, TensorPlan } from '../../src/schemas/plan.js';
import type { LinearAlgebra, Precision } from '../linalg/contract.js';
import { transposed } from '../linalg/transposed.js';
import type { TensorReader } from '../pipeline/sources.js';
import { type Basis, type BasisBlock, type BasisReport, offsetsOf } from './basis.js';
import { exactSpectra, numericalRank, type Spectrum, singularValues } from './exact.js';
import { type Problem, problemOf } from './problem.js';
import { randomizedSpectrum } from './randomized.js';
import { signsOf } from './rows.js';

export interface BasisInput {
  la: LinearAlgebra;
  reader: TensorReader;
  plan: LinearPlan;
  space: SpacePlan;
  method: Method;
  /** Constant part of the space where it takes part in the basis. */
  constant: Float64Array | null;
}

/**
 * Weight PCA of a space: C = Σ W·Wᵀ over its writer, uncentred (isotropic inputs), E from its leading eigenvectors.
 * Per tensor this is the optimum: ‖W − F·E·W‖_F meets the Eckart–Young bound. For the network behind it, it is not.
 */
export async function weightBasis(input: BasisInput): Promise<{ basis: Basis; report: BasisReport }> {
  const { la, plan, space, method } = input;
  const writer = writerOf(plan, space);
  const { problems, spectra } = await solve(input, problemsOf(input, writer));
  const chosen = choose(space, method, problems, spectra);
  const blocks: BasisBlock[] = [];
  const padding = paddingOf(method, space, problems, chosen);
  for (const [p, problem] of problems.entries()) {
    const block = await buildBlock(la, plan.precision, space, problem, spectra[p], chosen[p], padding[p]);
    blocks.push(block);
  }
  const report = await reportOf(input, writer, problems, spectra, chosen);
  return {
    basis: { space: space.name, blocks },
    report: {
      ...report,
      padding_columns: padding.reduce((sum, units) => sum + units.length, 0),
    },
  };
}

/** The tensor that writes a space. Chains and embeddings have one; several would each be scaled to unit trace. */
export function writerOf(plan: LinearPlan, space: SpacePlan): TensorPlan {
  const writer = plan.tensors.find((t) => t.role === 'weight' && t.out_space === space.name);
  if (!writer) throw new Error(`Space ${space.name} has no writer.`);
  return writer;
}

const inputShared = (plan: LinearPlan, writer: TensorPlan) =>
  plan.spaces.find(({ name }) => name === writer.in_space)?.kind === 'shared';

function problemsOf({ plan, space, constant }: BasisInput, writer: TensorPlan): Problem[] {
  const all = writer.sources.map((_, i) => i);
  const shared = inputShared(plan, writer);
  if (space.coupled) return [problemOf(writer, all, shared, constant)];
  const offsets = offsetsOf(space.source_widths);
  return all.map((i) => problemOf(writer, [i], shared, constant?.slice(offsets[i], offsets[i + 1]) ?? null));
}

interface Solved {
  problems: Problem[];
  spectra: Spectrum[];
}

async function solve(input: BasisInput, problems: Problem[]): Promise<Solved> {
  const { la, reader, plan, space, method } = input;
  const solver = method.solver;
  const exact = async () => ({ problems, spectra: await exactSpectra(la, reader, problems) });
  if (solver.type === 'exact') return exact();
  // mode diag draws one joint sample over all sources, as the notebook does on its block-diagonal matrix
  const sampled = method.mode === 'diag' ? [jointProblem(input)] : problems;
  const shares = method.mode === 'diag' ? [space.width] : sharesOf(space.width, space.source_widths);
  // A sample as large as the matrix's smaller side is no sample: solve exactly.
  if (sampled.some((p, i) => shares[i] >= Math.min(p.rows, p.cols))) return exact();
  const spectra: Spectrum[] = [];
  for (const [i, p] of sampled.entries()) {
    const options = { q: shares[i], niter: solver.niter, seed: solver.seed + i };
    spectra.push(await randomizedSpectrum(la, reader, p, options, plan.precision));
  }
  return { problems: sampled, spectra };
}

function jointProblem({ plan, space, constant }: BasisInput): Problem {
  const writer = writerOf(plan, space);
  return problemOf(
    writer,
    writer.sources.map((_, i) => i),
    inputShared(plan, writer),
    constant,
  );
}

interface Choice {
  /** Singular values taken from this problem, descending. */
  sigma: Float64Array;
  /** Their positions in the new space. */
  units: number[];
}

/** Which directions of each problem are kept, and where they land in the new space. */
function choose(space: SpacePlan, method: Method, problems: Problem[], spectra: Spectrum[]): Choice[] {
  if (method.mode === 'separate') {
    const shares = sharesOf(space.width, space.source_widths);
    const starts = offsetsOf(shares);
    return spectra.map(({ sigma }, p) => {
      const k = Math.min(shares[p], numericalRank(sigma, sigma[0]));
      return { sigma: sigma.slice(0, k), units: Array.from({ length: k }, (_, j) => starts[p] + j) };
    });
  }
  const largest = Math.max(...spectra.map(({ sigma }) => sigma[0]));
  const candidates = spectra.flatMap(({ sigma }, p) =>
    Array.from(sigma.subarray(0, numericalRank(sigma, largest)), (value, j) => ({ value, p, j })),
  );
  // Stable order for equal values: by source, then by index.
  candidates.sort((a, b) => b.value - a.value || a.p - b.p || a.j - b.j);
  const units: number[][] = problems.map(() => []);
  candidates.slice(0, space.width).forEach(({ p }, unit) => {
    units[p].push(unit);
  });
  return spectra.map(({ sigma }, p) => ({ sigma: sigma.slice(0, units[p].length), units: units[p] }));
}

/** Positions of padding units per problem: r − k surplus ones, spread over the problems that have room. */
function paddingOf(method: Method, space: SpacePlan, problems: Problem[], chosen: Choice[]): number[][] {
  if (method.padding === 'zero') return problems.map(() => []);
  if (method.mode === 'separate') {
    const shares = sharesOf(space.width, space.source_widths);
    const starts = offsetsOf(shares);
    return chosen.map(({ units }, p) =>
      Array.from({ length: shares[p] - units.length }, (_, j) => starts[p] + units.length + j),
    );
  }
  const live = chosen.reduce((sum, { units }) => sum + units.length, 0);
  const room = problems.map(({ rows }, p) => rows - chosen[p].units.length);
  const counts = sharesOf(space.width - live, room);
  const starts = offsetsOf(counts).map((start) => start + live);
  return counts.map((count, p) => Array.from({ length: count }, (_, j) => starts[p] + j));
}

async function buildBlock(
  la: LinearAlgebra,
  precision: Precision,
  space: SpacePlan,
  problem: Problem,
  spectrum: Spectrum,
  choice: Choice,
  padding: number[],
): Promise<BasisBlock> {
  const live = choice.units.length;
  const leading = la.view(spectrum.vectors, 0, live, 0, problem.rows);
  await la.scaleRows(leading, signsOf(await la.download(leading), problem.rows));
  const expand = await la.cast(leading, precision);
  la.dispose(spectrum.vectors);
  const fold = la.zeros(problem.rows, live + padding.length, precision);
  if (padding.length > 0) {
    const extra = await la.complement(expand, padding.length);
    await la.copy(extra, la.view(fold, 0, problem.rows, live, fold.cols));
    la.dispose(extra);
  }
  const rows = await la.cast(expand, precision);
  if (space.factorization === 'covariance') {
    await la.scaleRows(expand, choice.sigma);
    await la.scaleRows(
      rows,
      choice.sigma.map((s) => 1 / s),
    );
  }
  const columns = la.upload(transposed(await la.download(rows), live, problem.rows), problem.rows, live);
  await la.copy(columns, la.view(fold, 0, problem.rows, 0, live));
  la.dispose(rows);
  const offsets = offsetsOf(space.source_widths);
  const [first, last] = [problem.sources[0], problem.sources[problem.sources.length - 1]];
  return {
    sources: problem.sources,
    span: [offsets[first], offsets[last + 1]],
    units: Int32Array.from([...choice.units, ...padding]),
    expand,
    fold,
  };
}

async function reportOf(
  input: BasisInput,
  writer: TensorPlan,
  problems: Problem[],
  spectra: Spectrum[],
  chosen: Choice[],
): Promise<Omit<BasisReport, 'padding_columns'>> {
  const { space, method, la, reader } = input;
  const whole = method.solver.type === 'exact';
  // The bound is of the joint matrix without the constant's column: where the basis did not solve that, solve for values.
  const own = whole && !input.constant && (!inputShared(input.plan, writer) || space.coupled || problems.length === 1);
  const joint = own ? spectra.map(({ sigma }) => sigma) : await boundSpectra(la, reader, writer, input);
  const sorted = Float64Array.from(joint.flatMap((sigma) => [...sigma]))
    .sort()
    .reverse();
  const energy = (values: Iterable<number>) => [...values].reduce((sum, s) => sum + s * s, 0);
  const total = energy(sorted);
  const kept = chosen.reduce((sum, { sigma }) => sum + energy(sigma), 0);
  const basisTotal = whole ? spectra.reduce((sum, { sigma }) => sum + energy(sigma), 0) : total;
  const rank = numericalRank(sorted, sorted[0]);
  return {
    spectrum: [...sorted],
    rank: chosen.reduce((sum, { units }) => sum + units.length, 0),
    directions_by_source: problems.every(({ sources }) => sources.length === 1)
      ? chosen.map(({ units }) => units.length)
      : null,
    retained_energy: basisTotal === 0 ? 1 : Math.min(1, kept / basisTotal),
    optimal_relative_error:
      space.width >= rank || total === 0 ? 0 : Math.sqrt(energy(sorted.subarray(space.width)) / total),
  };
}

async function boundSpectra(
  la: LinearAlgebra,
  reader: TensorReader,
  writer: TensorPlan,
  { plan }: BasisInput,
): Promise<Float64Array[]> {
  const all = writer.sources.map((_, i) => i);
  const shared = inputShared(plan, writer);
  const groups = shared ? [all] : all.map((i) => [i]);
  const spectra: Float64Array[] = [];
  for (const group of groups) spectra.push(await singularValues(la, reader, problemOf(writer, group, shared, null)));
  return spectra;
}

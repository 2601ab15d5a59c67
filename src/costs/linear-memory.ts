import { mapGroups } from '../plan/whole-map.js';
import type { JobSpec } from '../schemas/job-spec.js';
import type { SpacePlan, TensorPlan } from '../schemas/plan.js';
import { basisElements, problemsOf, reducedSpaces, spaceOf, type Uncosted, wordOf } from './shapes.js';
import { product, sum } from './work.js';

/** A Node.js process with the linear-algebra library, and what its collector has not given back yet. */
const PROCESS_BYTES = 105e6;
/** Chunks in which files stream through float64; `chunkRows` in the worker keeps to it. */
const CHUNK_BYTES = 3 * 16 * 2 ** 20;
/** Bytes of bases kept in memory between steps; larger ones are read again by each step that needs them. */
export const KEPT_BASES_BYTES = 16 * 2 ** 20;

/** Peak memory of the compute process: the largest of its steps beside the bases it keeps. */
export function linearMemory(plan: Uncosted, spec: JobSpec): number {
  const word = wordOf(plan);
  const bases = reducedSpaces(plan).map((space) => 2 * basisElements(space) * word);
  const kept = Math.min(KEPT_BASES_BYTES, sum(bases));
  const steps = [
    ...reducedSpaces(plan).map((space) => basisBytes(plan, space, spec)),
    ...plan.tensors.map((tensor) => foldBytes(plan, tensor)),
    plan.family === 'embedding' ? 0 : mapBytes(plan),
  ];
  return PROCESS_BYTES + Math.min(CHUNK_BYTES, chunkNeed(plan)) + kept + Math.max(0, ...steps);
}

/** Small tensors do not fill a chunk. */
const chunkNeed = (plan: Uncosted) =>
  3 *
  8 *
  Math.max(...plan.tensors.flatMap(({ sources, shape }) => [...sources.map((s) => product(s.shape)), product(shape)]));

/** Grams of all problems, LAPACK's workspace of twice the matrix for those solved at once, the basis itself. */
function basisBytes(plan: Uncosted, space: SpacePlan, spec: JobSpec): number {
  const problems = problemsOf(plan, space, spec.method);
  const grams = problems.map(({ rows, cols }) => 8 * Math.min(rows, cols) ** 2);
  const atOnce = grams.slice(0, 2).reduce((all, gram) => all + 2 * gram, 0);
  const [largest] = problems;
  const side = Math.min(largest.rows, largest.cols);
  const vectors = sum(problems.map((p) => (p.cols < p.rows ? 8 * Math.min(p.rows, p.cols) * p.rows : 0)));
  const source = wordOf(plan) * Math.max(...problems.map(({ stored }) => stored));
  const building = 2 * wordOf(plan) * largest.rows * Math.max(side, largest.share);
  if (space.basis === 'balanced' || space.basis === 'activation')
    return sum(problems.map(({ rows, cols }) => 8 * rows * (3 * Math.min(rows, cols) + rows))) + 4 * Math.max(...grams);
  return sum(grams) + Math.max(atOnce + source, vectors + building);
}

/** The source's tensor, the half product, the result and its encoded copy. */
function foldBytes(plan: Uncosted, tensor: TensorPlan): number {
  const word = wordOf(plan);
  if (tensor.layout === 'in_out') return 0; // rows stream
  const bases = [tensor.out_space, tensor.in_space].map((name) => {
    const space = spaceOf(plan, name);
    return space?.reduced ? 2 * basisElements(space) * word : 0;
  });
  const over = Math.max(0, sum(bases) - KEPT_BASES_BYTES);
  const source = tensor.role === 'fold' ? 0 : Math.max(...tensor.sources.map(({ shape }) => product(shape)));
  return word * (2 * source + 2 * product(tensor.shape)) + over;
}

/** A part of the whole map and what is held against it, a product under way and the next, one layer; in float64. */
function mapBytes(plan: Uncosted): number {
  const groups = mapGroups(plan);
  if (groups.length === 0) return 0;
  const apart = groups.length;
  const [input, output] = [plan.spaces[0].width / apart, plan.spaces[plan.spaces.length - 1].width / apart];
  const widest = Math.max(...plan.spaces.map(({ width, source_widths }) => Math.max(width / apart, ...source_widths)));
  const maps = (apart > 1 ? 2 : 3) * input * output;
  const layer = Math.max(...plan.tensors.flatMap(({ sources }) => sources.map(({ shape }) => product(shape))));
  return 8 * (maps + 2 * Math.min(input, output) * widest + layer);
}

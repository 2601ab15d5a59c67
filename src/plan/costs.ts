import { DTYPE_BITS, type Dtype } from '../safetensors/dtype.js';
import type { LinearPlan, SpacePlan, TensorPlan } from '../schemas/plan.js';

/** float32 multiply-adds per second assumed for the estimate: two AVX-512 cores reach about 2e11. */
const ASSUMED_FLOPS_PER_SECOND = 1e11;
const ASSUMED_BYTES_PER_SECOND = 5e8;
/** A Node.js process with the linear-algebra library loaded. */
const PROCESS_BYTES = 120e6;

type Uncosted = Omit<LinearPlan, 'costs'>;

const elements = (shape: readonly number[]) => shape.reduce((product, extent) => product * extent, 1);
const bytesOf = (dtype: string, shape: readonly number[]) => (elements(shape) * DTYPE_BITS[dtype as Dtype]) / 8;

/** Bytes, memory, arithmetic and time of a plan: upper estimates, from shapes alone. */
export function estimateCosts(plan: Uncosted): LinearPlan['costs'] {
  const inputBytes = plan.tensors
    .flatMap(({ sources }) => sources)
    .reduce((sum, s) => sum + bytesOf(s.dtype, s.shape), 0);
  const outputBytes = plan.tensors.reduce((sum, t) => sum + bytesOf(t.dtype, t.shape), 0);
  const reduced = plan.spaces.filter((space) => space.reduced);
  const word = plan.precision === 'float64' ? 8 : 4;
  const basisBytes = reduced.reduce((sum, space) => sum + 2 * basisElements(space) * word, 0);
  const largest = Math.max(0, ...plan.tensors.map((t) => workingElements(t))) * word;
  const solver = Math.max(0, ...reduced.map((space) => 24 * problemSize(space) ** 2));
  const flops =
    reduced.reduce((sum, space) => sum + basisFlops(plan, space), 0) +
    plan.tensors.reduce((sum, t) => sum + foldFlops(plan, t), 0);
  const moved = 3 * inputBytes + 2 * outputBytes + 2 * basisBytes;
  return {
    bytes_read: Math.ceil(inputBytes),
    bytes_written: Math.ceil(outputBytes + basisBytes),
    peak_memory_bytes: Math.ceil(PROCESS_BYTES + Math.max(3 * largest + basisBytes, solver + largest)),
    flops,
    estimated_seconds: flops / ASSUMED_FLOPS_PER_SECOND + moved / ASSUMED_BYTES_PER_SECOND + 0.1,
  };
}

/** Order of the largest symmetric eigenproblem of a space. */
function problemSize(space: SpacePlan): number {
  return space.coupled ? space.source_widths.reduce((sum, d) => sum + d, 0) : Math.max(...space.source_widths);
}

/** Elements of E (and of F) as stored: blocks only. */
function basisElements(space: SpacePlan): number {
  const total = space.source_widths.reduce((sum, d) => sum + d, 0);
  return space.coupled ? total * space.width : (total * space.width) / Math.max(1, space.source_widths.length);
}

function workingElements(tensor: TensorPlan): number {
  return Math.max(elements(tensor.shape), ...tensor.sources.map(({ shape }) => elements(shape)));
}

function basisFlops(plan: Uncosted, space: SpacePlan): number {
  const writers = plan.tensors.filter((t) => t.role === 'weight' && t.out_space === space.name);
  const grams = writers
    .flatMap(({ sources }) => sources)
    .reduce((sum, { shape }) => sum + elements(shape) * Math.min(...shape), 0);
  const problems = space.coupled ? [problemSize(space)] : space.source_widths;
  return 2 * grams + problems.reduce((sum, n) => sum + 9 * n ** 3, 0);
}

function foldFlops(plan: Uncosted, tensor: TensorPlan): number {
  const width = (name: string | null) => plan.spaces.find((space) => space.name === name);
  return tensor.sources.reduce((sum, { shape }) => {
    let cost = 0;
    for (const space of [width(tensor.out_space), width(tensor.in_space)])
      if (space?.reduced)
        cost += (4 * elements(shape) * space.width) / (space.coupled ? 1 : plan.source_weights.length);
    return sum + cost;
  }, 0);
}

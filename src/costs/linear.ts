import { DTYPE_BITS, type Dtype } from '../safetensors/dtype.js';
import type { JobSpec } from '../schemas/job-spec.js';
import { DEFAULT_MACHINE, type Machine } from '../schemas/machine.js';
import type { Method } from '../schemas/method.js';
import type { LinearPlan, SpacePlan, TensorPlan } from '../schemas/plan.js';
import { RANDOM_PROBE } from '../schemas/probe.js';
import { linearMemory } from './linear-memory.js';
import { basisElements, problemsOf, reducedSpaces, shareOf, spaceOf, type Uncosted, wordOf } from './shapes.js';
import { flopsOf, product, secondsOf, sum, total, type Work, work } from './work.js';

const bytesOf = (dtype: string, shape: readonly number[]) => (product(shape) * DTYPE_BITS[dtype as Dtype]) / 8;

/** Reading and deciding whether an element is finite, widening it: passes over what is read. */
const READ_PASSES = 2;

/**
 * Bytes, memory, arithmetic and time of a chain or an embedding, from shapes alone: the work of every step, added up and
 * divided by the machine's rates.
 */
export function linearCosts(plan: Uncosted, spec: JobSpec, machine: Machine = DEFAULT_MACHINE): LinearPlan['costs'] {
  const all = linearWork(plan, spec);
  return {
    bytes_read: Math.ceil(sum(plan.tensors.flatMap(({ sources }) => sources).map((s) => bytesOf(s.dtype, s.shape)))),
    bytes_written: Math.ceil(outputBytes(plan) + basesBytes(plan)),
    peak_memory_bytes: Math.ceil(linearMemory(plan, spec)),
    flops: flopsOf(all),
    estimated_seconds: secondsOf(all, plan.steps.length, machine),
  };
}

export function linearWork(plan: Uncosted, spec: JobSpec): Work {
  return total([
    ...reducedSpaces(plan).map((space) => basisWork(plan, space, spec.method)),
    ...plan.tensors.map((tensor) => foldWork(plan, tensor)),
    ...plan.tensors.map((tensor) => errorsWork(plan, tensor)),
    plan.family === 'embedding' ? tableWork(plan) : outputsWork(plan, spec),
    // bases go to their own files, then to one
    work({ readBytes: basesBytes(plan), writtenBytes: outputBytes(plan) + 2 * basesBytes(plan) }),
  ]);
}

const outputBytes = (plan: Uncosted) => sum(plan.tensors.map((t) => bytesOf(t.dtype, t.shape)));
/** E and F of every space as stored: blocks only. */
const basesBytes = (plan: Uncosted) => sum(reducedSpaces(plan).map((space) => 2 * basisElements(space))) * wordOf(plan);

const basisWork = (plan: Uncosted, space: SpacePlan, method: Method): Work =>
  space.basis === 'balanced' || space.basis === 'activation'
    ? reachingWork(plan, space, method)
    : weightBasisWork(plan, space, method);

/** Grams and eigenproblems in float64 (or sampling), vectors from the smaller side, padding. */
function weightBasisWork(plan: Uncosted, space: SpacePlan, method: Method): Work {
  return total(
    problemsOf(plan, space, method).map(({ rows, cols, stored, share }) => {
      const side = Math.min(rows, cols);
      const reading = work({ readBytes: 4 * stored, elements: READ_PASSES * stored });
      const gram = work({ float64: (stored / Math.max(rows, cols)) * side * Math.max(rows, cols), eigen: [side] });
      const live = Math.min(share, side);
      const build = work({ elements: 6 * rows * live, ...padding(rows, live, share) });
      const { solver } = method;
      if (solver.type === 'randomized' && share < side) {
        const sweeps = 2 * solver.niter + 2;
        const samples = work({
          float32: sweeps * (2 * stored * share + HOUSEHOLDER * 4 * ((rows + cols) / 2) * share ** 2),
          eigen: [share],
        });
        return total([reading, samples, gram, build]); // the bound still needs the exact spectrum
      }
      const recover = work(cols < rows ? { float64: 2 * stored * live, readBytes: 4 * stored } : {});
      return total([reading, gram, recover, build]);
    }),
  );
}

/**
 * Bases that look past their writer, in float64: what reaches the space (L, cut to square), for a balanced one also the
 * map behind it (R, likewise) and an SVD of R·L, about two eigenproblems; for an activation basis one of L·Lᵀ. The
 * writer's own spectrum is solved for beside it, as its bound.
 */
function reachingWork(plan: Uncosted, space: SpacePlan, method: Method): Work {
  const balanced = space.basis === 'balanced';
  return total(
    problemsOf(plan, space, method).map(({ rows, cols, stored, share }) => {
      const side = Math.min(rows, cols);
      const live = Math.min(share, side);
      const square = HOUSEHOLDER * 6 * Math.max(rows, cols) * side ** 2;
      const products = 2 * stored * side + square + 4 * rows * live * side;
      const files = 8 * rows * (side + (balanced ? rows : 0));
      return work({
        float64: products + stored * side + (balanced ? 6 * rows ** 2 * side + square : rows ** 2 * side),
        eigen: balanced ? [side, side, 0.7 * side] : [rows, 0.7 * side],
        elements: READ_PASSES * 2 * stored + 12 * rows * side,
        readBytes: 8 * stored + files,
        writtenBytes: files,
        ...(share > live && { float32: padding(rows, live, share).float32 }),
      });
    }),
  );
}

/** Householder QR runs at about half the rate of products. */
const HOUSEHOLDER = 2;

/** An orthonormal complement of `live` rows: one factorization, then products. */
const padding = (rows: number, live: number, share: number): Partial<Work> =>
  share <= live
    ? {}
    : { float32: HOUSEHOLDER * 2 * rows * live ** 2 + rows * live ** 2 + 2 * rows * live * (share - live) };

/** W′ = E·W·F in the cheaper order, scattered into the result and encoded. */
function foldWork(plan: Uncosted, tensor: TensorPlan): Work {
  if (tensor.role === 'bias') return work({ elements: sum(tensor.sources.map(({ shape }) => product(shape))) });
  const [out, into] = [spaceOf(plan, tensor.out_space), spaceOf(plan, tensor.in_space)];
  const parts = tensor.sources.map(({ shape }) => {
    const [rows, cols] = tensor.layout === 'out_in' ? shape : [shape[1], shape[0]];
    const r = out?.reduced ? shareOf(out) : null;
    const c = into?.reduced ? shareOf(into) : null;
    const left = r === null ? 0 : 2 * r * rows * cols + (c === null ? 0 : 2 * r * cols * c);
    const right = c === null ? 0 : 2 * rows * cols * c + (r === null ? 0 : 2 * r * rows * c);
    return work({
      float32: r === null ? right : c === null ? left : Math.min(left, right),
      readBytes: 4 * rows * cols,
      elements: READ_PASSES * rows * cols + (r ?? rows) * (c ?? cols),
    });
  });
  return total([...parts, work({ elements: 2 * product(tensor.shape) })]);
}

/** ‖W − F·E·W‖ of a tensor that writes a reduced space, and E·F = I of that space. */
function errorsWork(plan: Uncosted, tensor: TensorPlan): Work {
  const space = spaceOf(plan, tensor.out_space);
  if (tensor.role !== 'weight' || !space?.reduced) return work();
  const live = Math.min(shareOf(space), ...tensor.sources.map(({ shape }) => Math.min(...shape)));
  const residual = tensor.sources.map(({ shape }) =>
    work({ float32: 4 * live * product(shape), readBytes: 4 * product(shape), elements: 4 * product(shape) }),
  );
  const identity = (space.coupled ? 1 : space.source_widths.length) * 2 * live * shareOf(space);
  const span = space.coupled ? sum(space.source_widths) : Math.max(...space.source_widths);
  return total([...residual, work({ float32: identity * span, elements: identity })]);
}

/** Outputs on the probe, and both whole maps, in float64. */
function outputsWork(plan: Uncosted, { probe = RANDOM_PROBE }: JobSpec): Work {
  const weights = plan.tensors.filter(({ role }) => role === 'weight');
  const rows = !Array.isArray(probe) && 'rows' in probe ? probe.rows : 32;
  const [input, output] = [plan.spaces[0], plan.spaces[plan.spaces.length - 1]];
  const apart = plan.spaces.every(({ coupled, kind }) => !coupled && kind === 'concatenated');
  const groups = apart ? plan.source_weights.length : 1;
  const own = weights.flatMap(({ sources }) => sources.map(({ shape }) => product(shape)));
  const merged = weights.map(({ shape }) => product(shape));
  const stored = sum(own) + sum(merged);
  const narrow = Math.min(input.width, output.width) / groups;
  const map = 2 * narrow * (sum(own) + sum(merged) / groups);
  return work({
    float64: 2 * rows * stored + map,
    readBytes: 2 * 4 * stored,
    elements: 4 * stored + (4 * input.width * output.width) / groups,
  });
}

/** Every row of the table folded back, in float64. */
function tableWork(plan: Uncosted): Work {
  const [table] = plan.tensors;
  const D = sum(table.sources.map(({ shape }) => shape[1]));
  const [vocabulary, r] = table.shape;
  return work({ float64: 2 * vocabulary * D * r, readBytes: 4 * vocabulary * (D + r), elements: 8 * vocabulary * D });
}

import type { Architecture } from '../families/architecture.js';
import type { TransformerCosts, TransformerPlan } from '../families/plan.js';
import { DTYPE_BITS } from '../safetensors/dtype.js';
import { DEFAULT_MACHINE, type Machine } from '../schemas/machine.js';
import { transformerMemory } from './transformer-memory.js';
import { flopsOf, product, secondsOf, sum, total, type Work, work } from './work.js';

/** A family's plan before it has costs. */
export type UncostedModel = Omit<TransformerPlan, 'costs'>;

/** Tokens of one set: calibration or a probe. */
export interface TokenCount {
  rows: number;
  length: number;
}

type Sized = { shape: readonly number[]; dtype: keyof typeof DTYPE_BITS };
const bytesOf = (list: readonly Sized[]) => sum(list.map((t) => (product(t.shape) * DTYPE_BITS[t.dtype]) / 8));

/** merge, evaluate, verify, publish */
const STEPS = 4;
/** Passes over a unit's pre-activations, an attention score, a logit: exponentials, tables, sums. */
const POINTWISE = 11;
/** Passes over a token's stream per sublayer: norms, additions, joining, conversions, the files between passes. */
const STREAM_PASSES = 38;
/** Passes over one entry of W − F·E·W: reading, placing side by side, sums. */
const ERROR_PASSES = 6;
/** Passes over one entry of the units' kernel, an arc cosine and a square root. */
const KERNEL_PASSES = 30;
/** Forward passes a generated masked sequence takes; `generate/masked.ts` in the worker. */
const MASKED_PASSES = 12;

/** Bytes, memory, arithmetic and time of a whole transformer: the work of its steps, by the machine's rates. */
export function transformerCosts(
  plan: UncostedModel,
  probes: readonly TokenCount[] = [],
  machine: Machine = DEFAULT_MACHINE,
): TransformerCosts {
  const stored = bytesOf(plan.sources.flatMap((s) => s.bindings));
  const written = bytesOf(plan.tensors);
  const tokens = calibrationTokens(plan);
  const all = total([
    work({ readBytes: 2 * stored + written, writtenBytes: written, elements: (2 * stored + 3 * written) / 4 }),
    tokens ? calibratedWork(plan, tokens) : closedFormWork(plan),
    errorsWork(plan),
    ...probes.map((probe) => probeWork(plan, probe)),
  ]);
  return {
    bytes_read: Math.ceil((tokens ? 1 : 2) * stored),
    bytes_written: Math.ceil(written),
    peak_memory_bytes: Math.ceil(transformerMemory(plan, tokens, probes)),
    flops: flopsOf(all),
    estimated_seconds: secondsOf(all, STEPS, machine),
  };
}

export function calibrationTokens({ calibration }: UncostedModel): TokenCount | null {
  if (!calibration) return null;
  if (!('generate' in calibration)) return calibration;
  return { rows: calibration.generate.sequences, length: calibration.generate.length };
}

const jointWidth = ({ sources }: UncostedModel) => sum(sources.map((s) => s.architecture.hidden));

const gatedOf = (plan: UncostedModel) => plan.tensors.some((t) => t.slots?.[0] === 'gate');

/** One model over tokens: linear maps, attention, pointwise functions. */
function forwardWork(plan: UncostedModel, a: Architecture, { rows, length }: TokenCount): Work {
  const tokens = rows * length;
  const heads = a.heads * a.headDim;
  const kv = a.kvHeads * a.headDim;
  const maps = 2 * a.hidden * (2 * heads + 2 * kv + (gatedOf(plan) ? 3 : 2) * a.ffn);
  return work({
    float32: a.layers * tokens * (maps + 4 * length * heads),
    elements: a.layers * tokens * (POINTWISE * (a.heads * length + a.ffn) + STREAM_PASSES * a.hidden),
  });
}

const logitsWork = (a: Architecture, tokens: number): Work =>
  a.head === 'none'
    ? work()
    : work({ float32: 2 * tokens * a.hidden * a.vocabulary, elements: POINTWISE * tokens * a.vocabulary });

/** Grams of the writers and one eigenproblem (growth: a seeded frame instead), a product per tensor and side, what dropped units owe the kept. */
function closedFormWork(plan: UncostedModel): Work {
  const D = jointWidth(plan);
  const { target } = plan;
  const r = target.hidden;
  const grown = r > D;
  const tables = sum(plan.sources.map(({ architecture: a }) => a.vocabulary * a.hidden));
  // balanced: a Gram per reader too, and an eigenproblem of both sides
  const balanced = plan.basis === 'balanced';
  const readers = (a: Architecture) =>
    balanced ? (a.heads + 2 * a.kvHeads) * a.headDim + (gatedOf(plan) ? 2 : 1) * a.ffn : 0;
  const layers = plan.sources.map(({ architecture: a }) => {
    const kept = Math.round((target.ffn * a.ffn) / sum(plan.sources.map((s) => s.architecture.ffn)));
    const dropped = a.ffn - kept;
    const kernel = dropped > 0 ? (kept + dropped) * kept : 0;
    return work({
      float64: grown ? 0 : a.layers * a.hidden ** 2 * (a.heads * a.headDim + a.ffn + readers(a)),
      float32: a.layers * (2 * kernel * a.hidden + (dropped > 0 ? (2 * kept ** 3) / 3 + 2 * kept ** 2 * dropped : 0)),
      elements: a.layers * kernel * KERNEL_PASSES,
    });
  });
  const parameters = sum(plan.sources.flatMap((s) => s.bindings).map((b) => product(b.shape)));
  return total([
    work({
      float64: grown ? 4 * r * D ** 2 : (balanced ? 2 : 1) * tables * D + (balanced ? 6 * D ** 3 : 0),
      eigen: grown ? [] : balanced ? [D, D] : [D],
      float32: 2 * parameters * r,
      elements: 8 * parameters,
    }),
    ...layers,
  ]);
}

/** A survey, then two passes per sublayer over the sources and the result, a regression for every linear map. */
function calibratedWork(plan: UncostedModel, size: TokenCount): Work {
  const { target } = plan;
  const tokens = size.rows * size.length;
  const D = jointWidth(plan);
  const r = target.hidden;
  const heads = target.heads * target.headDim;
  const post = target.placement === 'post' ? 2 : 1;
  const ridge = (inputs: number, outputs: number, wide: number) =>
    tokens * inputs * (inputs + 2 * outputs) * wide + inputs ** 3 / 3 + 2 * inputs ** 2 * outputs;
  const regressions =
    (2 * target.layers + 1) * ridge(r, D, 1) +
    target.layers * (ridge(heads, post * r, 1) + ridge(target.ffn, post * r, 1));
  const sources = plan.sources.map(({ architecture }) => forwardWork(plan, architecture, size));
  const survey = sum(
    plan.sources.map(({ architecture: a }) => a.layers * tokens * (a.hidden ** 2 + a.heads * a.headDim ** 2)),
  );
  const spilled = 4 * tokens * (2 * target.layers + 1) * (2 * D + 2 * r + Math.max(target.ffn, heads));
  const logits = plan.sources.map(({ architecture }) => logitsWork(architecture, tokens));
  return total([
    ...sources,
    ...sources,
    forwardWork(plan, target, size),
    ...logits,
    work({
      float64: regressions + survey + 2 * tokens * r * target.vocabulary,
      eigen: [D],
      elements: (2 * target.layers + 1) * tokens * STREAM_PASSES * (D + r) + 2 * tokens * target.vocabulary,
      readBytes: spilled,
      writtenBytes: spilled / 2,
    }),
    generationWork(plan, size),
  ]);
}

/** Text the sources write: causal models token by token, masked ones in a fixed number of passes. */
function generationWork(plan: UncostedModel, size: TokenCount): Work {
  if (!plan.calibration || !('generate' in plan.calibration)) return work();
  const share = { rows: Math.ceil(size.rows / plan.sources.length), length: size.length };
  const passes = plan.target.head === 'causal' ? 1 : MASKED_PASSES;
  return total(
    plan.sources.flatMap(({ architecture }) => [
      ...Array.from({ length: passes }, () => forwardWork(plan, architecture, share)),
      logitsWork(architecture, share.rows * share.length),
    ]),
  );
}

/**
 * ‖W − F·E·W‖ of every tensor that writes the residual stream: through F·E, or through the directions it leaves out where
 * those are fewer.
 */
function errorsWork(plan: UncostedModel): Work {
  const D = jointWidth(plan);
  const r = plan.target.hidden;
  const through = Math.max(0, Math.min(r, D - r));
  return total(
    plan.sources.map(({ architecture: a }) => {
      const positions = a.positionOffset === null ? 0 : a.positions;
      const columns = a.vocabulary + positions + a.types + a.layers * (a.heads * a.headDim + a.ffn);
      return work({
        float32: 2 * through * columns * (a.hidden + D),
        elements: ERROR_PASSES * columns * D,
        readBytes: 4 * columns * a.hidden,
      });
    }),
  );
}

/** Sources and result over the probe's tokens, and what is compared. */
function probeWork(plan: UncostedModel, probe: TokenCount): Work {
  const models = [...plan.sources.map(({ architecture }) => architecture), plan.target];
  const tokens = probe.rows * probe.length;
  return total([
    ...models.map((a) => total([forwardWork(plan, a, probe), logitsWork(a, tokens)])),
    work({
      float32: 2 * tokens * (2 * plan.target.layers + 1) * jointWidth(plan) * plan.target.hidden,
      elements: 4 * tokens * plan.target.vocabulary * models.length,
    }),
  ]);
}

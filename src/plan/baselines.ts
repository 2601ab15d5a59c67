import { DTYPE_BITS, type Dtype } from '../safetensors/dtype.js';
import type { Compare } from '../schemas/compare.js';
import type { JobSpec } from '../schemas/job-spec.js';
import type { ComparisonPlan, LinearPlan, MergePlan } from '../schemas/plan.js';

type Baselines = Pick<ComparisonPlan, 'baselines' | 'left_out'>;

const SAME = 'needs sources of the same shapes';

/**
 * What merged networks are compared with, each measured as they are:
 *
 * - source i alone: its own outputs; the other sources' are zero where outputs are concatenated.
 * - mean of outputs (of language models: of logits): Σ a_i·y_i in the place of every source's outputs. It needs all
 *   sources at once.
 * - mean of weights: one network of the mean weights Σ a_i·W_i, fed every source's inputs.
 */
export function baselinesOf(sources: JobSpec['sources'], wanted: Compare['baselines'], plan: MergePlan): Baselines {
  const found: Baselines = { baselines: [], left_out: [] };
  const count = sources.length;
  const names = sources.map((source) => ('checkpoint' in source ? source.checkpoint : source.uri));
  const sizes = sourceSizes(plan, count);
  if (wanted.includes('notebook') && plan.kind !== 'linear')
    found.left_out.push({ name: 'notebook', reason: 'is a method for chains and embeddings' });
  if (wanted.includes('sources'))
    sizes.forEach((size, i) => {
      const name = names.indexOf(names[i]) === names.lastIndexOf(names[i]) ? names[i] : `source ${i}`;
      found.baselines.push({ name: `${name} alone`, kind: 'source', source: i, ...size });
    });
  if (count === 1) return found;
  const all = {
    parameters: sizes.reduce((sum, { parameters }) => sum + parameters, 0),
    bytes: sizes.reduce((sum, { bytes }) => sum + bytes, 0),
  };
  if (wanted.includes('mean_of_outputs')) {
    const name = plan.kind === 'linear' ? 'mean of outputs' : 'mean of logits';
    const reason = plan.kind === 'linear' ? meanOutputs(plan) : null;
    if (reason) found.left_out.push({ name, reason });
    else found.baselines.push({ name, kind: 'mean_of_outputs', source: null, ...all });
  }
  if (wanted.includes('mean_of_weights')) {
    const name = 'mean of weights';
    const reason = meanWeights(plan);
    if (reason) found.left_out.push({ name, reason });
    else found.baselines.push({ name, kind: 'mean_of_weights', source: null, ...sizes[0] });
  }
  return found;
}

const differ = (values: readonly unknown[]) => new Set(values.map((value) => JSON.stringify(value))).size > 1;

function meanOutputs(plan: LinearPlan): string | null {
  const output = plan.family === 'embedding' ? plan.spaces[1] : plan.spaces[plan.spaces.length - 1];
  if (output.kind === 'shared') return 'is what the result is measured against: the outputs are shared';
  return differ(output.source_widths) ? 'needs outputs of one width' : null;
}

function meanWeights(plan: MergePlan): string | null {
  if (plan.kind !== 'linear') return 'is not run for language models; the mean of their logits is';
  if (plan.family === 'embedding') return 'is the mean of outputs: an embedding has one tensor';
  return plan.tensors.some(({ sources }) => differ(sources.map(({ shape }) => shape))) ? SAME : null;
}

/** Parameters and bytes of each source as far as the plan reads it, in the result's type. */
function sourceSizes(plan: MergePlan, count: number) {
  return Array.from({ length: count }, (_, i) => {
    const tensors: { shape: readonly number[]; dtype: Dtype }[] =
      plan.kind === 'linear'
        ? plan.tensors.flatMap(({ sources, dtype }) => sources.slice(i, i + 1).map(({ shape }) => ({ shape, dtype })))
        : ((plan as unknown as { sources: { bindings: { shape: number[]; dtype: Dtype }[] }[] }).sources[i]?.bindings ??
          []);
    const elements = tensors.map(({ shape }) => shape.reduce((product, extent) => product * extent, 1));
    return {
      parameters: elements.reduce((sum, n) => sum + n, 0),
      bytes: elements.reduce((sum, n, t) => sum + (n * DTYPE_BITS[tensors[t].dtype]) / 8, 0),
    };
  });
}

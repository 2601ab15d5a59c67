import type { TransformerPlan } from '../families/plan.js';
import { product, sum } from './work.js';

/** A Node.js process with the linear-algebra library, and what its collector has not given back yet. */
const PROCESS_BYTES = 150e6;
/** Rows of a table, and tokens of a batch, in memory at a time; the worker's `CHUNK_ROWS` and `forward/batch.ts`. */
const CHUNK_ROWS = 4096;

interface Tokens {
  rows: number;
  length: number;
}

/**
 * Peak memory of the compute process. In closed form tensors are made one at a time; a calibrated merge holds the
 * result and the weights of the layers it is fitting; probes hold all models' activations and logits of one batch; the
 * check of the files runs the result layer by layer, its tables whole.
 */
export function transformerMemory(
  plan: Omit<TransformerPlan, 'costs'>,
  calibration: Tokens | null,
  probes: readonly Tokens[],
): number {
  const { target } = plan;
  const D = sum(plan.sources.map((s) => s.architecture.hidden));
  const parameters = sum(plan.sources.flatMap((s) => s.bindings).map((b) => product(b.shape)));
  const result = sum(plan.tensors.map((t) => product(t.shape)));
  const batch = (tokens: Tokens) => Math.min(CHUNK_ROWS, tokens.rows * tokens.length);
  const activations = (tokens: Tokens) =>
    4 * batch(tokens) * (6 * (D + target.hidden) + 3 * Math.max(target.ffn, target.heads * target.headDim));
  const logits = (tokens: Tokens) =>
    4 * Math.min(batch(tokens), Math.max(64, 16e6 / target.vocabulary)) * target.vocabulary * (plan.sources.length + 2);
  const probing = probes.map((probe) => 4 * (parameters + result) + activations(probe) + logits(probe));
  const widest = Math.max(target.ffn, target.heads * target.headDim, target.hidden, D);
  const merging = calibration
    ? 4 * (parameters + result) + 24 * widest ** 2 + activations(calibration) + logits(calibration)
    : closedForm(plan, D);
  return PROCESS_BYTES + Math.max(merging, checking(plan), ...probing);
}

/** Tables and decoder of the result, one layer, and the one before it, whose memory is idle and waits for the next. */
function checking({ tensors, target }: Omit<TransformerPlan, 'costs'>): number {
  const bytes = (list: typeof tensors) => 4 * sum(list.map((t) => product(t.shape)));
  const whole = tensors.filter(({ layer, slots }) => layer === null && slots !== null);
  const layers = tensors.filter(({ layer }) => layer !== null);
  return bytes(whole) + (2 * bytes(layers)) / Math.max(1, target.layers);
}

function closedForm({ target, sources, basis }: Omit<TransformerPlan, 'costs'>, D: number): number {
  const tables = 8 * Math.min(CHUNK_ROWS, target.vocabulary) * (D + target.hidden);
  const most = sum(sources.map((s) => s.architecture.ffn));
  // units are chosen by a kernel between them; a source that grows has none to choose
  const kernels = sources.map(({ architecture: { ffn } }) =>
    target.ffn > most ? 16 * target.ffn * target.hidden : 24 * ffn * Math.round((target.ffn * ffn) / most),
  );
  // balanced: moments of both sides, a root of one, products and eigenvectors
  const square = basis === 'balanced' ? 56 : 24;
  return square * D * Math.max(D, target.hidden) + Math.max(2 * tables, ...kernels);
}

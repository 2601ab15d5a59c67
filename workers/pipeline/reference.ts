import { MAX_MAP_ENTRIES } from '../../src/plan/whole-map.js';
import type { ComparisonRow } from '../../src/schemas/metrics.js';
import type { ComparisonPlan, TensorPlan } from '../../src/schemas/plan.js';
import { RANK_TOLERANCE } from '../bases/exact.js';
import { chunkRows } from '../bases/problem.js';
import type { Matrix } from '../linalg/contract.js';
import { applyLayer, layersOf } from './chain-outputs.js';
import type { StepContext } from './context.js';
import { MeanNetwork } from './mean-network.js';
import { probeOf } from './probe.js';
import { ReferenceTally } from './reference-tally.js';

/** What a comparison's methods are held against. */
export interface Reference {
  /** Of every baseline, in the plan's order. */
  errors: Pick<ComparisonRow, 'relative_error' | 'mean_abs_error' | 'map_relative_error'>[];
  /** Squared singular values of the sources' whole map, descending; null where it is not formed. */
  energies: number[] | null;
}

/** Order above which the whole map's singular values are not computed: eigenvalues of its Gram take minutes. */
const MAX_BOUND_ORDER = 4096;

/** Errors of the baselines, measured as the methods' are, and the singular values of the whole map. */
export async function referenceStep(context: StepContext, baselines: ComparisonPlan['baselines']): Promise<Reference> {
  const { plan } = context;
  if (plan.family === 'embedding') return tableReference(context, baselines);
  const probe = await probeOf(context);
  const outputs = new ReferenceTally(context, baselines);
  const shared = plan.spaces[0].kind === 'shared';
  const count = plan.source_weights.length;
  const inputs = Array.from({ length: count }, (_, i) => probe.inputs[shared ? 0 : i]);
  const widths = plan.spaces[0].source_widths;
  await addOutputs(context, outputs, (i) => context.la.upload(inputs[i].slice(), probe.rows, widths[i]), true);
  const map = await mapReference(context, baselines);
  return {
    errors: baselines.map((_, b) => {
      const { relative_error, mean_abs_error } = outputs.result(b);
      return { relative_error, mean_abs_error, map_relative_error: map?.tally.result(b).relative_error ?? null };
    }),
    energies: map?.energies ?? null,
  };
}

/** The whole maps are the outputs on unit vectors, biases left out. */
async function mapReference(context: StepContext, baselines: ComparisonPlan['baselines']) {
  const { plan, la, signal } = context;
  const [input, output] = [plan.spaces[0], plan.spaces[plan.spaces.length - 1]];
  if (input.width * output.width > MAX_MAP_ENTRIES) return null;
  const tally = new ReferenceTally(context, baselines);
  const shared = input.kind === 'shared';
  for (const [j, width] of (shared ? [input.width] : input.source_widths).entries()) {
    const chunk = chunkRows(Math.max(width, output.width));
    for (let from = 0; from < width; from += chunk) {
      signal?.throwIfAborted();
      const rows = Math.min(chunk, width - from);
      const unit = () => {
        const values = new Float64Array(rows * width);
        for (let r = 0; r < rows; r++) values[r * width + from + r] = 1;
        return la.upload(values, rows, width);
      };
      await addOutputs(context, tally, (i) => (shared || i === j ? unit() : null), false, MAX_BOUND_ORDER);
    }
  }
  return { tally, energies: await energiesOf(context, tally) };
}

async function energiesOf({ la }: StepContext, tally: ReferenceTally): Promise<number[] | null> {
  if (!tally.grams) return null;
  const values: number[] = [];
  for (const gram of tally.grams) values.push(...(await la.eigvalsh(gram)));
  values.sort((a, b) => b - a);
  // A Gram knows singular values down to about 1e-7·σ₁; what is smaller is its rounding.
  return values.filter((value) => value > RANK_TOLERANCE ** 2 * values[0]);
}

/** Run sources and their mean network on one set of inputs. `inputOf` gives null where a source's input is zero. */
async function addOutputs(
  context: StepContext,
  tally: ReferenceTally,
  inputOf: (source: number) => Matrix | null,
  biased: boolean,
  gramLimit = 0,
): Promise<void> {
  const { plan, la, reader } = context;
  const layers = layersOf(plan.tensors).map(({ weight, bias }) => ({ weight, bias: biased ? bias : null }));
  const mean = tally.needsMeanNetwork ? new MeanNetwork(context, layers) : null;
  const [outputs, means]: (Matrix | null)[][] = [[], []];
  for (let i = 0; i < plan.source_weights.length; i++) {
    let x = inputOf(i);
    const again = mean && inputOf(i);
    for (const { weight, bias } of layers) {
      if (!x) break;
      const next = await applyLayer(la, reader, weight.sources[i], bias?.sources[i] ?? null, x);
      la.dispose(x);
      x = next;
    }
    outputs.push(x);
    means.push(again && mean ? await mean.apply(again) : null);
  }
  await tally.add(outputs, means, gramLimit);
  for (const matrix of [...outputs, ...means]) if (matrix) la.dispose(matrix);
}

/** An embedding's outputs are its rows; the map is the table itself. */
async function tableReference(context: StepContext, baselines: ComparisonPlan['baselines']): Promise<Reference> {
  const { plan, la, reader, signal } = context;
  const table = plan.tensors.find(({ role }) => role === 'weight') as TensorPlan;
  const tally = new ReferenceTally(context, baselines);
  const chunk = chunkRows(Math.max(...table.sources.map(({ shape }) => shape[1])) * table.sources.length);
  for (let from = 0; from < table.shape[0]; from += chunk) {
    signal?.throwIfAborted();
    const to = Math.min(from + chunk, table.shape[0]);
    const rows: Matrix[] = [];
    for (const source of table.sources) rows.push(await reader.block(source, from, to, 'float64'));
    await tally.add(rows, [], 0);
    for (const matrix of rows) la.dispose(matrix);
  }
  return {
    errors: baselines.map((_, b) => {
      const { relative_error, mean_abs_error } = tally.result(b);
      return { relative_error, mean_abs_error, map_relative_error: relative_error };
    }),
    energies: null,
  };
}

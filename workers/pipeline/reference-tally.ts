import type { ComparisonPlan } from '../../src/schemas/plan.js';
import type { FloatArray, Matrix } from '../linalg/contract.js';
import type { StepContext } from './context.js';
import { OutputComparison, type OutputErrors } from './end-to-end.js';

/**
 * Outputs of the sources, and of each baseline in the place of the merged network, compared chunk by chunk:
 *
 * | baseline | outputs concatenated: in the place of y_i | shared: in the place of y = Σ a_i·y_i |
 * |---|---|---|
 * | source k | y_k where i = k, else 0 | y_k |
 * | mean of outputs | Σ a_j·y_j | (is y) |
 * | mean of weights | the mean network on x_i | Σ a_i · the mean network on x_i |
 */
export class ReferenceTally {
  readonly needsMeanNetwork: boolean;
  /** Σ yᵀ·y: one per source where inputs and outputs are concatenated, else one of all. */
  grams: Matrix[] | null = null;
  private readonly context: StepContext;
  private readonly baselines: ComparisonPlan['baselines'];
  private readonly comparisons: OutputComparison[];
  private readonly shared: boolean;
  private readonly apart: boolean;

  constructor(context: StepContext, baselines: ComparisonPlan['baselines']) {
    this.context = context;
    this.baselines = baselines;
    this.comparisons = baselines.map(() => new OutputComparison());
    this.needsMeanNetwork = baselines.some(({ kind }) => kind === 'mean_of_weights');
    const { plan } = context;
    const [input, output] = [plan.spaces[0], plan.spaces[plan.spaces.length - 1]];
    this.shared = plan.family !== 'embedding' && output.kind === 'shared';
    this.apart = input.kind === 'concatenated' && output.kind === 'concatenated';
  }

  result(baseline: number): OutputErrors {
    return this.comparisons[baseline].result();
  }

  /**
   * @param outputs y_i, rows × outputs of source i; null: zero
   * @param means the mean network's outputs on x_i; null: zero
   * @param gramLimit order up to which Grams of the outputs are summed; 0: none
   */
  async add(outputs: (Matrix | null)[], means: (Matrix | null)[], gramLimit: number): Promise<void> {
    const { la } = this.context;
    const rows = outputs.find((y) => y !== null)?.rows ?? 0;
    const load = (list: (Matrix | null)[]) => Promise.all(list.map(async (y) => (y ? await la.download(y) : null)));
    const [ys, zs] = [await load(outputs), await load(means)];
    const all = this.shared || this.baselines.some(({ kind }) => kind === 'mean_of_outputs') ? this.mean(ys) : null;
    for (const [b, { kind, source }] of this.baselines.entries()) {
      const comparison = this.comparisons[b];
      if (this.shared) {
        const merged = kind === 'source' ? ys[source as number] : kind === 'mean_of_weights' ? this.mean(zs) : all;
        addPair(comparison, all, merged);
      } else
        ys.forEach((y, i) => {
          const merged =
            kind === 'mean_of_outputs' ? all : kind === 'mean_of_weights' ? zs[i] : i === source ? y : null;
          addPair(comparison, y, merged);
        });
    }
    if (gramLimit > 0) await this.addGrams(outputs, all, rows, gramLimit);
  }

  /** Σ a_i·y_i. */
  private mean(parts: readonly (FloatArray | null)[]): Float64Array | null {
    const weights = this.context.plan.source_weights;
    const length = parts.find((part) => part !== null)?.length;
    if (length === undefined) return null;
    const sum = new Float64Array(length);
    parts.forEach((part, i) => {
      if (part) for (let k = 0; k < length; k++) sum[k] += weights[i] * part[k];
    });
    return sum;
  }

  private async addGrams(outputs: (Matrix | null)[], mean: FloatArray | null, rows: number, limit: number) {
    const { la, plan } = this.context;
    const output = plan.spaces[plan.spaces.length - 1];
    const orders = this.apart ? output.source_widths : [output.width];
    if (orders.some((order) => order > limit)) return;
    this.grams ??= orders.map((order) => la.zeros(order, order, 'float64'));
    if (this.apart) {
      for (const [i, y] of outputs.entries()) if (y) await la.syrk(y, { transpose: true, beta: 1, out: this.grams[i] });
      return;
    }
    const joined = this.shared
      ? la.upload((mean as FloatArray).slice(), rows, output.width)
      : await this.join(outputs, rows);
    await la.syrk(joined, { transpose: true, beta: 1, out: this.grams[0] });
    la.dispose(joined);
  }

  /** Outputs side by side. */
  private async join(outputs: (Matrix | null)[], rows: number): Promise<Matrix> {
    const { la, plan } = this.context;
    const output = plan.spaces[plan.spaces.length - 1];
    const joined = la.zeros(rows, output.width, 'float64');
    let at = 0;
    for (const [i, y] of outputs.entries()) {
      const width = output.source_widths[i];
      if (y) await la.copy(y, la.view(joined, 0, rows, at, at + width));
      at += width;
    }
    return joined;
  }
}

/** Add outputs and what stands for them; null is zero. */
function addPair(comparison: OutputComparison, y: FloatArray | null, merged: FloatArray | null): void {
  const length = (y ?? merged)?.length;
  if (length === undefined) return;
  comparison.add(y ?? new Float64Array(length), merged ?? new Float64Array(length));
}

import type { TensorPlan, TensorSource } from '../../src/schemas/plan.js';
import { chunkRows } from '../bases/problem.js';
import type { Matrix } from '../linalg/contract.js';
import type { StepContext } from './context.js';

interface Layer {
  weight: TensorPlan;
  bias: TensorPlan | null;
}

/** The network of the sources' mean weights Σ a_i·W_i (biases likewise), float64. Sources have the same shapes. */
export class MeanNetwork {
  private readonly context: StepContext;
  private readonly layers: readonly Layer[];

  constructor(context: StepContext, layers: readonly Layer[]) {
    this.context = context;
    this.layers = layers;
  }

  /** Outputs for inputs x (batch × in), which are disposed. */
  async apply(x: Matrix): Promise<Matrix> {
    const { la } = this.context;
    let current = x;
    for (const { weight, bias } of this.layers) {
      const [rows, cols] = weight.sources[0].shape;
      const y = la.zeros(current.rows, rows, 'float64');
      const chunk = chunkRows(cols);
      for (let from = 0; from < rows; from += chunk) {
        const to = Math.min(from + chunk, rows);
        const w = await this.mean(weight.sources, from, to);
        await la.gemm(current, w, { transB: true, out: la.view(y, 0, current.rows, from, to) });
        la.dispose(w);
      }
      if (bias) await this.addBias(bias.sources, y);
      la.dispose(current);
      current = y;
    }
    return current;
  }

  private async mean(sources: readonly TensorSource[], from: number, to: number): Promise<Matrix> {
    const { la, reader, plan } = this.context;
    const sum = la.zeros(to - from, sources[0].shape[1], 'float64');
    for (const [i, source] of sources.entries()) {
      const w = await reader.block(source, from, to, 'float64');
      await la.axpy(plan.source_weights[i], w, sum);
      la.dispose(w);
    }
    return sum;
  }

  private async addBias(sources: readonly TensorSource[], y: Matrix): Promise<void> {
    const { la, reader, plan } = this.context;
    const ones = la.upload(new Float64Array(y.rows).fill(1), y.rows, 1);
    for (const [i, source] of sources.entries()) {
      const b = la.upload(await reader.vector(source), 1, y.cols);
      await la.gemm(ones, b, { alpha: plan.source_weights[i], beta: 1, out: y });
      la.dispose(b);
    }
    la.dispose(ones);
  }
}

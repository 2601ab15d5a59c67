import type { EndToEnd } from '../../src/schemas/metrics.js';
import type { FloatArray } from '../linalg/contract.js';

/** How outputs differ; the whole map is measured apart. */
export type OutputErrors = Omit<EndToEnd, 'map_relative_error'>;

/** Running sums over pairs (y, y′) of outputs, float64. */
export class OutputComparison {
  private count = 0;
  private sumAbs = 0;
  private sumAbsError = 0;
  private errorSquares = 0;
  private squares = 0;
  private mergedSquares = 0;
  private dot = 0;

  add(y: FloatArray, merged: FloatArray): void {
    for (let i = 0; i < y.length; i++) {
      const [a, b] = [y[i], merged[i]];
      this.sumAbs += Math.abs(a);
      this.sumAbsError += Math.abs(a - b);
      this.errorSquares += (a - b) ** 2;
      this.squares += a * a;
      this.mergedSquares += b * b;
      this.dot += a * b;
    }
    this.count += y.length;
  }

  result(): OutputErrors {
    const relative =
      this.squares === 0 ? (this.errorSquares === 0 ? 0 : 1) : Math.sqrt(this.errorSquares / this.squares);
    // two roots: the product of squares leaves float64's range where neither does
    const size = Math.sqrt(this.squares) * Math.sqrt(this.mergedSquares);
    return {
      mean_abs_output: this.sumAbs / Math.max(1, this.count),
      mean_abs_error: this.sumAbsError / Math.max(1, this.count),
      relative_error: relative,
      cosine: size === 0 ? null : this.dot / size,
    };
  }
}

import type { OutputTensor } from '../../../src/families/plan.js';
import type { TransformerTensorMetrics } from '../../../src/schemas/metrics.js';
import type { Norms } from '../../linalg/contract.js';

interface Part {
  sumAbs: number;
  entries: number;
  rows: number;
  columns: number;
}

/** Norms of W − F·E·W of one tensor, gathered source by source. */
export class Tally {
  private readonly tensor: OutputTensor;
  private readonly shapes: number[][];
  private readonly parts: Part[];
  private maxAbs = 0;
  private errorSquares = 0;
  private weightSquares = 0;
  private spilledAbs = 0;
  /** Entries of the whole concatenated matrix that no source owns: its zero blocks. */
  private spilledEntries = 0;

  /** @param shapes of the tensor in each source */
  constructor(tensor: OutputTensor, shapes: number[][]) {
    this.tensor = tensor;
    this.shapes = shapes;
    this.parts = shapes.map(() => ({ sumAbs: 0, entries: 0, rows: 0, columns: 0 }));
  }

  get empty(): boolean {
    return this.weightSquares === 0;
  }

  weigh({ sumSquares }: Norms): void {
    this.weightSquares += sumSquares;
  }

  /** Source i's own block; `scale` is what its weights were multiplied with. */
  add(i: number, { sumAbs, maxAbs, sumSquares }: Norms, entries: number, scale: number): void {
    this.parts[i].sumAbs += sumAbs / scale;
    this.parts[i].entries += entries;
    this.maxAbs = Math.max(this.maxAbs, maxAbs / scale);
    this.errorSquares += sumSquares;
  }

  /** What ends up in a block that was zero. */
  spill({ sumAbs, maxAbs, sumSquares }: Norms, entries: number, scale: number): void {
    this.spilledAbs += sumAbs / scale;
    this.spilledEntries += entries;
    this.maxAbs = Math.max(this.maxAbs, maxAbs / scale);
    this.errorSquares += sumSquares;
  }

  /** Extent of source i's matrix; several slots of one tensor lie below each other. */
  widen(i: number, rows: number, columns: number): void {
    const part = this.parts[i];
    part.rows += rows;
    part.columns = columns;
    part.entries += rows * columns;
  }

  metrics(mode: 'diag' | 'separate'): TransformerTensorMetrics {
    const bySource = this.parts.map(({ sumAbs, entries }) => sumAbs / Math.max(1, entries));
    const own = this.parts.reduce((sum, { sumAbs }) => sum + sumAbs, 0) + this.spilledAbs;
    const selected = this.parts.some(({ rows }) => rows > 0);
    const whole = selected
      ? this.parts.reduce((sum, { rows }) => sum + rows, 0) * this.parts.reduce((sum, { columns }) => sum + columns, 0)
      : this.parts.reduce((sum, { entries }) => sum + entries, 0) + this.spilledEntries;
    return {
      name: this.tensor.name,
      source_shapes: this.shapes,
      shape: this.tensor.shape,
      mean_abs_error:
        mode === 'separate' ? bySource.reduce((sum, e) => sum + e, 0) / bySource.length : own / Math.max(1, whole),
      mean_abs_error_by_source: bySource,
      max_abs_error: this.maxAbs,
      relative_error: Math.sqrt(this.errorSquares / (this.weightSquares || 1)),
      optimal_relative_error: null,
      optimality_ratio: null,
    };
  }
}

import type { CheckpointReader } from '../../src/checkpoints/reader.js';
import { DataError } from '../../src/errors.js';
import type { TensorSource } from '../../src/schemas/plan.js';
import type { FloatArray, LinearAlgebra, Matrix, Precision } from '../linalg/contract.js';
import type { Stopwatch } from './stopwatch.js';

/** Reads the sources' weights, sliced as the plan says, and refuses values that are not finite. */
export class TensorReader {
  private readonly la: LinearAlgebra;
  private readonly checkpoints: readonly CheckpointReader[];
  private readonly precision: Precision;
  private readonly watch: Stopwatch;
  private readonly signal: AbortSignal | undefined;
  /** Set once every value was read and found finite: nothing is checked twice. */
  checked = false;

  constructor(
    la: LinearAlgebra,
    checkpoints: readonly CheckpointReader[],
    precision: Precision,
    watch: Stopwatch,
    signal?: AbortSignal,
  ) {
    this.la = la;
    this.checkpoints = checkpoints;
    this.precision = precision;
    this.watch = watch;
    this.signal = signal;
  }

  /** Rows `[from, to)` (of the slice) × the slice's columns. */
  async rows(t: TensorSource, from: number, to: number, precision: Precision = this.precision): Promise<FloatArray> {
    const length = t.shape.length === 1 ? t.shape[0] : (to - from) * t.shape[1];
    const values = precision === 'float64' ? new Float64Array(length) : new Float32Array(length);
    await this.read(t, from, to, values);
    return values;
  }

  /** Rows `[from, to)` of a matrix in the backend's memory. The caller disposes it. */
  async block(t: TensorSource, from: number, to: number, precision: Precision = this.precision): Promise<Matrix> {
    return this.la.receive(to - from, t.shape[1], precision, (values) => this.read(t, from, to, values));
  }

  /** A whole matrix as stored. The caller disposes it. */
  matrix(t: TensorSource, precision: Precision = this.precision): Promise<Matrix> {
    return this.block(t, 0, t.shape[0], precision);
  }

  private async read(t: TensorSource, from: number, to: number, values: FloatArray): Promise<void> {
    this.signal?.throwIfAborted();
    const stop = this.watch.start('read');
    const first = t.rows?.[0] ?? 0;
    const slice = t.shape.length === 1 ? {} : { rows: [first + from, first + to] as const, columns: t.columns };
    await this.checkpoints[t.source].floatsInto(t.tensor, values, slice);
    stop();
    const bad = this.checked ? -1 : firstNonFinite(values);
    if (bad < 0) return;
    const index =
      t.shape.length === 1
        ? [bad]
        : [first + from + Math.floor(bad / t.shape[1]), (t.columns?.[0] ?? 0) + (bad % t.shape[1])];
    throw new DataError(
      'weights_not_finite',
      `Tensor "${t.tensor}" of source ${t.source} holds ${values[bad]} at index [${index}]; weights must be finite.`,
    );
  }

  /** A bias in float64. */
  async vector(t: TensorSource): Promise<Float64Array> {
    return toFloat64(await this.rows(t, 0, 1, 'float64'));
  }
}

/** Index of the first NaN or infinity, −1 where there is none. 0·x is NaN for exactly those. */
export function firstNonFinite(values: FloatArray): number {
  // Four sums: one alone would wait for each addition before the next.
  let [a, b, c, d] = [0, 0, 0, 0];
  const whole = values.length - (values.length % 4);
  for (let i = 0; i < whole; i += 4) {
    a += values[i] * 0;
    b += values[i + 1] * 0;
    c += values[i + 2] * 0;
    d += values[i + 3] * 0;
  }
  for (let i = whole; i < values.length; i++) a += values[i] * 0;
  if (a + b + c + d === 0) return -1;
  return values.findIndex((value) => !Number.isFinite(value));
}

const toFloat64 = (values: FloatArray): Float64Array =>
  values instanceof Float64Array ? values : new Float64Array(values);

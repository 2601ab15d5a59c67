import type { LinearAlgebra, Matrix } from '../../linalg/contract.js';
import type { Batch } from '../forward/batch.js';
import { embed, normStep, type Step } from '../forward/run.js';
import type { SlotModel } from '../model.js';
import { TokenFile } from '../spill.js';

/** Stream k of every source on one batch, each normalised by itself. */
export interface JointStep {
  steps: Step[];
  /** [tokens, D]: the sources' unit streams side by side. */
  unit: Float32Array;
}

/** All sources run side by side over the calibration tokens, one sublayer at a time, streams kept on disk. */
export class JointSources {
  readonly models: readonly SlotModel[];
  readonly widths: number[];
  readonly total: number;
  private readonly files: TokenFile[];

  private constructor(models: readonly SlotModel[], files: TokenFile[]) {
    this.models = models;
    this.files = files;
    this.widths = models.map((m) => m.architecture.hidden);
    this.total = this.widths.reduce((sum, width) => sum + width, 0);
  }

  static async open(models: readonly SlotModel[], directory: string): Promise<JointSources> {
    const files = await Promise.all(
      models.map((m, i) => TokenFile.create(directory, `source-${i}`, m.architecture.hidden)),
    );
    return new JointSources(models, files);
  }

  /** Stream k of `batch`: embedded afresh at k = 0, read back above. */
  async at(la: LinearAlgebra, k: number, batch: Batch): Promise<JointStep> {
    const count = batch.ids.length;
    const steps = await Promise.all(
      this.models.map(async (model, i) => {
        const stream =
          k === 0 ? await embed(la, model, batch) : await this.files[i].read(batch.first * batch.length, count);
        return normStep(model, k, stream);
      }),
    );
    return {
      steps,
      unit: sideBySide(
        steps.map((s) => s.unit),
        this.widths,
        count,
      ),
    };
  }

  async store(batch: Batch, streams: readonly (Float32Array | Float64Array)[]): Promise<void> {
    await Promise.all(streams.map((stream, i) => this.files[i].write(batch.first * batch.length, stream)));
  }

  async close(): Promise<void> {
    await Promise.all(this.files.map((file) => file.remove()));
  }
}

/** Matrices of equal height next to each other, row-major. */
export function sideBySide(
  parts: readonly (Float32Array | Float64Array)[],
  widths: readonly number[],
  rows: number,
): Float32Array {
  const total = widths.reduce((sum, width) => sum + width, 0);
  const out = new Float32Array(rows * total);
  let at = 0;
  parts.forEach((part, i) => {
    for (let r = 0; r < rows; r++) out.set(part.subarray(r * widths[i], (r + 1) * widths[i]), r * total + at);
    at += widths[i];
  });
  return out;
}

/** Mean over sources of the norms, each brought to mean 1; per token. Post-norm streams all have size 1. */
function jointSize(steps: readonly Step[], scale: readonly number[], post: boolean): Float64Array {
  const out = new Float64Array(steps[0].size.length);
  if (post) return out.fill(1);
  steps.forEach(({ size }, i) => {
    for (let t = 0; t < out.length; t++) out[t] += (size[t] * scale[i]) / steps.length;
  });
  return out;
}

/** T = s · E·n per token: [tokens, r] float32. `expand` is [r, D]. */
export async function targetStream(
  la: LinearAlgebra,
  expand: Matrix,
  joint: JointStep,
  scale: readonly number[],
  post: boolean,
): Promise<Float32Array> {
  const unit = la.upload(joint.unit, joint.steps[0].size.length, expand.cols);
  const product = await la.gemm(unit, expand, { transB: true });
  if (!post) await la.scaleRows(product, jointSize(joint.steps, scale, post));
  const out = (await la.download(product)) as Float32Array;
  la.dispose(unit);
  return out;
}

import type { TransformerPlan } from '../../../src/families/plan.js';
import type { FloatArray, LinearAlgebra, Matrix } from '../../linalg/contract.js';
import { type Control, checkCancelled } from '../control.js';
import { activate } from '../forward/activations.js';
import { batchesOf, type Tokens } from '../forward/batch.js';
import { advance, applyLinear, type Step } from '../forward/run.js';
import type { SlotModel } from '../model.js';
import { type Kept, keepHighest, keepShares } from '../selection.js';
import type { JointSources } from './joint.js';

/** What one pass over the data says about the sources. */
export interface Survey {
  /** Σ over norms and tokens of n·nᵀ, D × D float64. */
  moment: Matrix;
  /** 1 / mean norm of each source's streams. */
  scale: number[];
  /** Mean norm of stream 0 per source. */
  firstSize: number[];
  /** Per layer: kv groups (one query head each without grouping) and units kept. */
  groups: Kept[];
  units: Kept[];
  /** MLM transform and pooler units kept; empty where there is none. */
  transform: Kept;
  pooler: Kept;
}

/** Run all sources once, front to back, gathering moments. Streams end at the last norm. */
export async function survey(
  la: LinearAlgebra,
  plan: TransformerPlan,
  joint: JointSources,
  tokens: Tokens,
  { signal, onProgress }: Control,
): Promise<Survey> {
  const { models, total } = joint;
  const last = 2 * plan.target.layers;
  const moment = la.zeros(total, total, 'float64');
  const sizes: Sizes[] = models.map(() => ({ sum: 0, count: 0, first: 0, firstCount: 0 }));
  const pick = plan.mode === 'separate' ? keepShares : keepHighest;
  const groups: Kept[] = [];
  const units: Kept[] = [];
  const heads = models.map((m) => new HeadScores(m));
  for (let k = 0; k <= last; k++) {
    const scores = models.map((m) => new SublayerScores(la, m, k));
    for (const batch of batchesOf(tokens)) {
      checkCancelled(signal);
      const at = await joint.at(la, k, batch);
      await addMoment(la, moment, at.unit, total, batch.attention);
      at.steps.forEach((step, i) => {
        addSizes(sizes[i], step, batch.attention);
      });
      if (k === last) {
        for (const [i, step] of at.steps.entries()) await heads[i].add(la, step.normed, batch.attention);
        continue;
      }
      const streams: FloatArray[] = [];
      for (const [i, model] of models.entries()) {
        const next = await advance(la, model, batch, at.steps[i]);
        await scores[i].add(next.hidden, batch.attention);
        la.dispose(next.hidden);
        streams.push(next.stream);
      }
      await joint.store(batch, streams);
    }
    if (k < last) {
      const scale = sizes.map((s) => (plan.target.placement === 'post' ? 1 : s.count / s.sum));
      const rated = await Promise.all(scores.map((s, i) => s.rate(scale[i])));
      if (k % 2 === 0) groups.push(pick(rated, plan.target.kvHeads));
      else units.push(pick(rated, plan.target.ffn));
    }
    onProgress?.({ phase: 'basis', completed: k + 1, total: last + 1 });
  }
  return {
    moment,
    scale: sizes.map((s) => (plan.target.placement === 'post' ? 1 : s.count / s.sum)),
    firstSize: sizes.map((s) => s.first / s.firstCount),
    groups,
    units,
    transform:
      plan.target.head === 'masked'
        ? pick(
            heads.map((h) => h.transform.variance()),
            plan.target.hidden,
          )
        : [],
    pooler: heads.every((h) => h.hasPooler)
      ? pick(
          heads.map((h) => h.pooler.variance()),
          plan.target.hidden,
        )
      : [],
  };
}

async function addMoment(
  la: LinearAlgebra,
  moment: Matrix,
  unit: Float32Array,
  width: number,
  use: Uint8Array | undefined,
): Promise<void> {
  const wide = new Float64Array(unit);
  if (use) for (let r = 0; r < use.length; r++) if (!use[r]) wide.fill(0, r * width, (r + 1) * width);
  const x = la.upload(wide, wide.length / width, width);
  await la.syrk(x, { transpose: true, beta: 1, out: moment });
  la.dispose(x);
}

/** Sums of stream norms over tokens: of all streams, and of stream 0. */
interface Sizes {
  sum: number;
  count: number;
  first: number;
  firstCount: number;
}

function addSizes(into: Sizes, step: Step, use: Uint8Array | undefined): void {
  for (let t = 0; t < step.size.length; t++) {
    if (use && !use[t]) continue;
    into.sum += step.size[t];
    into.count++;
    if (step.k > 0) continue;
    into.first += step.size[t];
    into.firstCount++;
  }
}

/** Importance of a sublayer's groups or units: how much they write. docs/method.md, section 5. */
class SublayerScores {
  private readonly la: LinearAlgebra;
  private readonly model: SlotModel;
  private readonly k: number;
  private readonly blocks: Matrix[] = [];
  private squares: Float64Array | undefined;

  constructor(la: LinearAlgebra, model: SlotModel, k: number) {
    this.la = la;
    this.model = model;
    this.k = k;
  }

  async add(hidden: Matrix, use: Uint8Array | undefined): Promise<void> {
    if (this.k % 2 === 1) {
      this.addSquares(await this.la.download(hidden), hidden.cols, use);
      return;
    }
    const { headDim, heads } = this.model.architecture;
    for (let h = 0; h < heads; h++) {
      this.blocks[h] ??= this.la.zeros(headDim, headDim, 'float64');
      const wide = await this.la.cast(this.la.view(hidden, 0, hidden.rows, h * headDim, (h + 1) * headDim), 'float64');
      if (use) await this.la.scaleRows(wide, Float64Array.from(use));
      await this.la.syrk(wide, { transpose: true, beta: 1, out: this.blocks[h] });
      this.la.dispose(wide);
    }
  }

  private addSquares(values: FloatArray, width: number, use: Uint8Array | undefined): void {
    this.squares ??= new Float64Array(width);
    for (let r = 0, start = 0; start < values.length; r++, start += width) {
      if (use && !use[r]) continue;
      for (let j = 0; j < width; j++) this.squares[j] += values[start + j] ** 2;
    }
  }

  /** trace(O_h·C_h·O_hᵀ) summed over each kv group, or E[g_j²]·‖down_j‖²; squared stream scale included. */
  async rate(scale: number): Promise<Float64Array> {
    const weights = await this.model.sublayer(this.k);
    const { kvHeads, heads, headDim } = this.model.architecture;
    if (weights.kind === 'ffn') {
      const norms = await columnSquares(this.la, weights.writer.weight);
      return norms.map((norm, j) => norm * this.squares![j] * scale ** 2);
    }
    const out = new Float64Array(kvHeads);
    for (let h = 0; h < heads; h++) {
      const o = await this.la.cast(
        this.la.view(weights.writer.weight, 0, weights.writer.weight.rows, h * headDim, (h + 1) * headDim),
        'float64',
      );
      const product = await this.la.download(await this.la.gemm(o, this.blocks[h]));
      const plain = await this.la.download(o);
      let trace = 0;
      for (let i = 0; i < plain.length; i++) trace += plain[i] * product[i];
      out[Math.floor((h * kvHeads) / heads)] += trace * scale ** 2;
    }
    return out;
  }
}

/** ‖column j‖² of a matrix. */
export async function columnSquares(la: LinearAlgebra, a: Matrix): Promise<Float64Array> {
  const values = await la.download(a);
  const out = new Float64Array(a.cols);
  for (let start = 0; start < values.length; start += a.cols)
    for (let j = 0; j < a.cols; j++) out[j] += values[start + j] ** 2;
  return out;
}

/** Variance per column, streamed. */
class Variance {
  private sum = new Float64Array(0);
  private squares = new Float64Array(0);
  private count = 0;

  add(values: FloatArray, width: number, use: Uint8Array | undefined): void {
    if (this.sum.length === 0) {
      this.sum = new Float64Array(width);
      this.squares = new Float64Array(width);
    }
    for (let r = 0, start = 0; start < values.length; r++, start += width) {
      if (use && !use[r]) continue;
      this.count++;
      for (let j = 0; j < width; j++) {
        this.sum[j] += values[start + j];
        this.squares[j] += values[start + j] ** 2;
      }
    }
  }

  variance(): Float64Array {
    return this.sum.map((sum, j) => this.squares[j] / this.count - (sum / this.count) ** 2);
  }
}

/** How much each unit of the MLM transform and the pooler varies. */
class HeadScores {
  readonly transform = new Variance();
  readonly pooler = new Variance();
  hasPooler = false;
  private readonly model: SlotModel;

  constructor(model: SlotModel) {
    this.model = model;
  }

  async add(la: LinearAlgebra, normed: FloatArray, use: Uint8Array | undefined): Promise<void> {
    const { hidden, headActivation } = this.model.architecture;
    const input = la.upload(normed, normed.length / hidden, hidden);
    const transform = await this.model.transform();
    if (transform) {
      const dense = await applyLinear(la, input, transform.dense);
      this.transform.add(activate(await la.download(dense), headActivation), hidden, use);
      la.dispose(dense);
    }
    const pooler = await this.model.pooler();
    if (!pooler) return;
    this.hasPooler = true;
    const pooled = await applyLinear(la, input, pooler);
    this.pooler.add((await la.download(pooled)).map(Math.tanh), hidden, use);
    la.dispose(pooled);
  }
}

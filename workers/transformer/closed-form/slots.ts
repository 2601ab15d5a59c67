import type { Slot } from '../../../src/families/description.js';
import type { TransformerPlan } from '../../../src/families/plan.js';
import type { FloatArray, LinearAlgebra, Matrix } from '../../linalg/contract.js';
import type { Control } from '../control.js';
import { type Linear, type Norm, normSlot, type SlotTensors } from '../model.js';
import { averageReaders, type Fold, onesFold, type ReaderSource, stackReaders } from '../readers.js';
import { type ResidualBasis, residualBasis } from '../residual.js';
import { asRows, type Kept } from '../selection.js';
import { absorbed } from './importance.js';
import { centreColumns, centreRows, streamScales, writerMoment } from './moment.js';
import { selections } from './selections.js';
import { takeColumns, unitFold } from './unit-fold.js';

/** What the weights alone decide before any output tensor is made. */
export interface ClosedFormBasis extends ResidualBasis {
  scale: number[];
  /** √(D·retained / r): the joint norm of E·h beside each source's own (method.md, section 5). */
  kappa: number;
  groups: Kept[];
  units: Kept[];
  transform: Kept;
  pooler: Kept;
}

const WRITER_NORM: Norm = { gain: null, bias: null };

/**
 * Closed-form merge (method.md, section 5) as tensors made on demand: nothing but the basis is held, so memory stays at
 * a few tensors whatever the depth.
 */
export class ClosedFormSlots implements SlotTensors {
  readonly basis: ClosedFormBasis;
  private readonly la: LinearAlgebra;
  private readonly plan: TransformerPlan;
  private readonly sources: readonly SlotTensors[];
  private readonly widths: number[];
  private readonly starts: number[];
  /** E, float32. */
  private readonly expand: Matrix;
  /** F = Eᵀ, float32, [D, r]. */
  readonly fold: Matrix;

  private constructor(
    la: LinearAlgebra,
    plan: TransformerPlan,
    sources: readonly SlotTensors[],
    basis: ClosedFormBasis,
    expand: Matrix,
    fold: Matrix,
  ) {
    this.la = la;
    this.plan = plan;
    this.sources = sources;
    this.basis = basis;
    this.expand = expand;
    this.fold = fold;
    this.widths = plan.sources.map((s) => s.architecture.hidden);
    this.starts = this.widths.map((_, i) => this.widths.slice(0, i).reduce((a, b) => a + b, 0));
  }

  static async prepare(
    la: LinearAlgebra,
    plan: TransformerPlan,
    sources: readonly SlotTensors[],
    control: Control = {},
  ): Promise<ClosedFormSlots> {
    const scale = await streamScales(la, plan, sources);
    const moment = await writerMoment(la, plan, sources, scale, control);
    const widths = plan.sources.map((s) => s.architecture.hidden);
    const post = plan.target.placement === 'post';
    const residual = await residualBasis(la, moment, widths, plan.target.hidden, {
      mode: plan.mode,
      hyperplane: plan.target.norm === 'layer' && !post,
      identityWhenFull: post || plan.target.norm === 'rms',
    });
    const expand = await la.cast(residual.expand, 'float32');
    const eye = new Float32Array(plan.target.hidden ** 2);
    for (let i = 0; i < plan.target.hidden; i++) eye[i * plan.target.hidden + i] = 1;
    const fold = await la.gemm(expand, la.upload(eye, plan.target.hidden, plan.target.hidden), { transA: true });
    const total = widths.reduce((a, b) => a + b, 0);
    // a stream in the hyperplane has r − 1 of r dimensions, the sources' own d − 1 of d: one and the same ratio at N = 1
    const kappa = Math.sqrt((total * residual.retained) / plan.target.hidden);
    const picked = await selections(la, plan, sources, scale, control);
    return new ClosedFormSlots(la, plan, sources, { ...residual, scale, kappa, ...picked }, expand, fold);
  }

  has(slot: Slot, layer: number | null, part: 'weight' | 'bias'): boolean {
    return this.plan.tensors.some((t) => t.layer === layer && t.part === part && t.slots?.includes(slot));
  }

  async matrix(
    slot: Slot,
    layer: number | null,
    part: 'weight' | 'bias',
    rows?: readonly [number, number],
  ): Promise<Matrix> {
    if (slot === 'word' || slot === 'position' || slot === 'type') return this.table(slot, rows);
    if (slot.endsWith('_norm')) return this.norm(slot, layer, part);
    if (slot === 'o' || slot === 'down') return this.writer(slot, layer!, part);
    return this.reader(slot, layer, part, rows);
  }

  /** Σ_i E_i·k_i·row_i. */
  private async table(slot: 'word' | 'position' | 'type', rows?: readonly [number, number]): Promise<Matrix> {
    const { la } = this;
    let out: Matrix | undefined;
    for (const [i, source] of this.sources.entries()) {
      const own = await source.matrix(slot, null, 'weight', rows);
      if (this.centres) centreRows((await la.download(own)) as Float32Array, this.widths[i]);
      out ??= la.zeros(own.rows, this.plan.target.hidden, 'float32');
      await la.gemm(own, this.block(i), { transB: true, alpha: this.basis.scale[i], beta: 1, out });
      la.dispose(own);
    }
    return out!;
  }

  /** Pre-norm LayerNorm: the mean is taken out of every writer, so that the stream lies in the hyperplane. */
  private get centres(): boolean {
    return this.plan.target.norm === 'layer' && this.plan.target.placement === 'pre';
  }

  /** Columns of E that belong to source i, [r, d_i]. */
  private block(i: number): Matrix {
    return this.la.view(this.expand, 0, this.expand.rows, this.starts[i], this.starts[i] + this.widths[i]);
  }

  private async writer(slot: 'o' | 'down', layer: number, part: 'weight' | 'bias'): Promise<Matrix> {
    const { la } = this;
    const r = this.plan.target.hidden;
    const outs: Matrix[] = [];
    const bias = la.zeros(r, 1, 'float32');
    for (const [i, source] of this.sources.entries()) {
      const alpha = this.basis.scale[i];
      if (part === 'bias') {
        if (!source.has(slot, layer, 'bias')) continue;
        const values = (await la.download(await source.matrix(slot, layer, 'bias'))).slice();
        if (this.centres) centreColumns(values, 1);
        await la.gemm(this.block(i), la.upload(values, values.length, 1), { alpha, beta: 1, out: bias });
        continue;
      }
      const folded = await this.foldedWriter(slot, layer, i);
      if (this.centres) centreColumns((await la.download(folded)) as Float32Array, folded.cols);
      outs.push(await la.gemm(this.block(i), folded, { alpha }));
      la.dispose(folded);
    }
    return part === 'bias' ? la.view(la.upload(await la.download(bias), 1, r), 0, 1, 0, r) : beside(la, outs);
  }

  /** One source's writer on the heads or units kept, the dropped units folded in; [d_i, kept]. */
  private async foldedWriter(slot: 'o' | 'down', layer: number, i: number): Promise<Matrix> {
    const { la } = this;
    const source = this.sources[i];
    const weight = await source.matrix(slot, layer, 'weight');
    const { heads, kvHeads, headDim } = this.plan.sources[i].architecture;
    if (slot === 'o') return takeColumns(la, weight, asRows(this.basis.groups[layer][i], (headDim * heads) / kvHeads));
    const kept = this.basis.units[layer][i];
    if (kept.length === weight.cols) return weight;
    const chosen = await takeColumns(la, weight, kept);
    const inside = new Set(kept);
    const dropped = Array.from({ length: weight.cols }, (_, j) => j).filter((j) => !inside.has(j));
    if (kept.length === 0) return chosen;
    const norm = await this.sourceNorm(i, 2 * layer + 1);
    const single = async (s: Slot) =>
      source.has(s, layer, 'weight')
        ? la.cast(await absorbed(la, await this.linear(source, s, layer), norm), 'float32')
        : null;
    const transposed = await unitFold(la, { gate: await single('gate'), up: (await single('up'))! }, kept, dropped);
    const rest = await takeColumns(la, weight, dropped);
    const out = await la.gemm(rest, transposed, { transB: true, beta: 1, out: chosen });
    for (const m of [transposed, rest, weight]) la.dispose(m);
    return out;
  }

  private async reader(slot: Slot, layer: number | null, part: 'weight' | 'bias', rows?: readonly [number, number]) {
    const { la, plan } = this;
    const masked = plan.target.head === 'masked';
    if (slot === 'decoder' && masked) return this.maskedDecoder(part, rows);
    const k = layer === null ? 2 * plan.target.layers : 2 * layer + (slot === 'up' || slot === 'gate' ? 1 : 0);
    const fold = await this.foldAt(k, slot === 'decoder');
    const parts: ReaderSource[] = [];
    for (const [i, source] of this.sources.entries()) {
      const linear = slot === 'decoder' ? await this.decoder(i, rows) : await this.linear(source, slot, layer);
      parts.push({
        linear,
        norm: await this.readNorm(i, k),
        rows: this.keptRows(slot, layer, i),
        start: this.starts[i],
      });
    }
    const folded =
      slot === 'decoder'
        ? await averageReaders(la, parts, plan.source_weights, fold)
        : await stackReaders(la, parts, fold, { biasOnly: part === 'bias' });
    for (const { linear } of parts) la.dispose(linear.weight);
    return part === 'bias'
      ? la.upload(Float32Array.from(folded.bias), 1, folded.rows)
      : la.upload(folded.weight, folded.rows, plan.target.hidden);
  }

  /** What readers at norm k see of the result's stream, per source. */
  private async foldAt(k: number, decoder: boolean): Promise<Fold> {
    const { la, plan, basis } = this;
    if (plan.target.placement === 'pre') {
      const values = (await la.download(this.fold)).map((v) => v * basis.kappa);
      const fold: Fold = { matrix: la.upload(values, this.fold.rows, this.fold.cols), offset: null, constant: null };
      return decoder && plan.target.norm === 'layer' ? onesFold(fold, plan.target.hidden) : fold;
    }
    return { matrix: this.fold, offset: await this.lost(k), constant: null };
  }

  /** (I − F·E)·β of norm k: the constant the basis loses, which readers with a bias take over. */
  private async lost(k: number): Promise<FloatArray> {
    const { la } = this;
    const beta = await this.joined(k, 'bias');
    const column = la.upload(Float32Array.from(beta), beta.length, 1);
    const back = await la.download(await la.gemm(this.fold, await la.gemm(this.expand, column)));
    return beta.map((value, i) => value - back[i]);
  }

  private keptRows(slot: Slot, layer: number | null, i: number): number[] | null {
    const { heads, kvHeads, headDim } = this.plan.target;
    if (slot === 'q') return asRows(this.basis.groups[layer!][i], (headDim * heads) / kvHeads);
    if (slot === 'k' || slot === 'v') return asRows(this.basis.groups[layer!][i], headDim);
    if (slot === 'up' || slot === 'gate') return this.basis.units[layer!][i];
    if (slot === 'transform') return this.basis.transform[i];
    return slot === 'pooler' ? this.basis.pooler[i] : null;
  }

  /** Pre-norm: absorbed into the reader. Post-norm: the normed output is the stream, gains stay in the norm. */
  private async readNorm(i: number, k: number): Promise<Norm> {
    return this.plan.target.placement === 'post' ? WRITER_NORM : this.sourceNorm(i, k);
  }

  private async sourceNorm(i: number, k: number): Promise<Norm> {
    const { slot, layer } = normSlot(this.plan.sources[i].architecture, k);
    const part = async (which: 'weight' | 'bias') =>
      this.sources[i].has(slot, layer, which)
        ? this.la.download(await this.sources[i].matrix(slot, layer, which))
        : null;
    return { gain: await part('weight'), bias: await part('bias') };
  }

  private async joined(k: number, which: 'gain' | 'bias'): Promise<Float64Array> {
    const norms = await Promise.all(this.sources.map((_, i) => this.sourceNorm(i, k)));
    return Float64Array.from(
      norms.flatMap((n, i) => Array.from(n[which] ?? new Float64Array(this.widths[i]).fill(which === 'gain' ? 1 : 0))),
    );
  }

  private async norm(slot: Slot, layer: number | null, part: 'weight' | 'bias'): Promise<Matrix> {
    const { la, plan } = this;
    const r = plan.target.hidden;
    if (slot === 'transform_norm') return this.transformNorm(part);
    if (plan.target.placement === 'pre') {
      const constant = part === 'weight' || slot === 'final_norm' ? 1 : 0;
      return la.upload(new Float32Array(r).fill(constant), 1, r);
    }
    const k = slot === 'embedding_norm' ? 0 : 2 * layer! + (slot === 'attention_norm' ? 1 : 2);
    const values = await this.joined(k, part === 'weight' ? 'gain' : 'bias');
    const e = await la.download(this.expand);
    const out = new Float32Array(r);
    for (let j = 0; j < r; j++) {
      let [sum, size] = [0, 0];
      for (let d = 0; d < values.length; d++) {
        const w = e[j * values.length + d];
        sum += part === 'weight' ? w * w * values[d] : w * values[d];
        size += w * w;
      }
      out[j] = part === 'bias' ? sum : size > 0 ? (this.basis.kappa * sum) / size : 0;
    }
    return la.upload(out, 1, r);
  }

  private async transformNorm(part: 'weight' | 'bias'): Promise<Matrix> {
    const parts = await Promise.all(
      this.sources.map(async (source, i) => {
        const values = await this.la.download(await source.matrix('transform_norm', null, part));
        return this.basis.transform[i].map((j) => values[j]);
      }),
    );
    return this.la.upload(Float32Array.from(parts.flat()), 1, this.plan.target.hidden);
  }

  /** The decoder's columns on the transform's kept units, averaged over the sources. */
  private async maskedDecoder(part: 'weight' | 'bias', rows?: readonly [number, number]): Promise<Matrix> {
    const { la, plan } = this;
    const outs: Matrix[] = [];
    const bias = new Float32Array(plan.target.vocabulary);
    for (const [i, source] of this.sources.entries()) {
      if (part === 'bias') {
        const own = await la.download(await source.matrix('decoder', null, 'bias'));
        for (let j = 0; j < own.length; j++) bias[j] += plan.source_weights[i] * own[j];
        continue;
      }
      const { weight } = await this.decoder(i, rows);
      const chosen = await takeColumns(la, weight, this.basis.transform[i]);
      await la.scaleRows(chosen, new Float64Array(chosen.rows).fill(plan.source_weights[i]));
      outs.push(chosen);
      la.dispose(weight);
    }
    return part === 'bias' ? la.upload(bias, 1, bias.length) : beside(la, outs);
  }

  private async decoder(i: number, rows?: readonly [number, number]): Promise<Linear> {
    const source = this.sources[i];
    const stored = !this.plan.sources[i].architecture.tied && source.has('decoder', null, 'weight');
    const weight = await source.matrix(stored ? 'decoder' : 'word', null, 'weight', rows);
    const bias = source.has('decoder', null, 'bias')
      ? (await this.la.download(await source.matrix('decoder', null, 'bias'))).subarray(...(rows ?? []))
      : null;
    return { weight, bias };
  }

  private linear(source: SlotTensors, slot: Slot, layer: number | null): Promise<Linear> {
    return linearOf(this.la, source, slot, layer);
  }
}

async function linearOf(la: LinearAlgebra, source: SlotTensors, slot: Slot, layer: number | null): Promise<Linear> {
  return {
    weight: await source.matrix(slot, layer, 'weight'),
    bias: source.has(slot, layer, 'bias') ? await la.download(await source.matrix(slot, layer, 'bias')) : null,
  };
}

/** Matrices of equal height side by side; disposes them. */
async function beside(la: LinearAlgebra, parts: Matrix[]): Promise<Matrix> {
  if (parts.length === 1) return parts[0];
  const rows = parts[0].rows;
  const total = parts.reduce((sum, p) => sum + p.cols, 0);
  const out = new Float32Array(rows * total);
  let at = 0;
  for (const part of parts) {
    const values = await la.download(part);
    for (let i = 0; i < rows; i++) out.set(values.subarray(i * part.cols, (i + 1) * part.cols), i * total + at);
    at += part.cols;
    la.dispose(part);
  }
  return la.upload(out, rows, total);
}

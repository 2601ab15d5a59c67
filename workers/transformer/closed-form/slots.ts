import type { Slot } from '../../../src/families/description.js';
import type { TransformerPlan } from '../../../src/families/plan.js';
import type { LinearAlgebra, Matrix } from '../../linalg/contract.js';
import type { Survey } from '../calibrated/survey.js';
import type { Control } from '../control.js';
import type { SlotTensors } from '../model.js';
import { type ClosedFormBasis, type Merging, writeOf } from './merging.js';
import { resultNorm } from './norms.js';
import { prepareMerge } from './prepare.js';
import { resultReader } from './result-readers.js';
import { keptWriter } from './writer-fold.js';

/**
 * Closed-form merge (method.md, section 5) as tensors made on demand: nothing but the basis is held, so memory stays at
 * a few tensors whatever the depth.
 */
export class ClosedFormSlots implements SlotTensors {
  private readonly merging: Merging;

  private constructor(merging: Merging) {
    this.merging = merging;
  }

  static async prepare(
    la: LinearAlgebra,
    plan: TransformerPlan,
    sources: readonly SlotTensors[],
    control: Control = {},
    measured?: Survey,
  ): Promise<ClosedFormSlots> {
    return new ClosedFormSlots(await prepareMerge(la, plan, sources, control, measured));
  }

  get basis(): ClosedFormBasis {
    return this.merging.basis;
  }

  /** F, float32, [D, r]. */
  get fold(): Matrix {
    return this.merging.fold;
  }

  has(slot: Slot, layer: number | null, part: 'weight' | 'bias'): boolean {
    return this.merging.plan.tensors.some((t) => t.layer === layer && t.part === part && t.slots?.includes(slot));
  }

  async matrix(
    slot: Slot,
    layer: number | null,
    part: 'weight' | 'bias',
    rows?: readonly [number, number],
  ): Promise<Matrix> {
    if (slot === 'word' || slot === 'position' || slot === 'type') return this.table(slot, rows);
    if (slot.endsWith('_norm')) return resultNorm(this.merging, slot, layer, part);
    if (slot !== 'o' && slot !== 'down') return resultReader(this.merging, slot, layer, part, rows);
    return part === 'weight' ? this.writer(slot, layer!) : this.writerBias(slot, layer!);
  }

  release(matrix: Matrix): void {
    this.merging.la.dispose(matrix);
  }

  /** Σ_i E_i·k_i·row_i. */
  private async table(slot: 'word' | 'position' | 'type', rows?: readonly [number, number]): Promise<Matrix> {
    const { la, plan, sources, basis } = this.merging;
    let out: Matrix | undefined;
    for (const [i, source] of sources.entries()) {
      const own = await source.matrix(slot, null, 'weight', rows);
      out ??= la.zeros(own.rows, plan.target.hidden, 'float32');
      await la.gemm(own, writeOf(this.merging, i), { transB: true, alpha: basis.scale[i], beta: 1, out });
      la.dispose(own);
    }
    return out!;
  }

  /** E_i·k_i·W_i on the heads or units kept, side by side. */
  private async writer(slot: 'o' | 'down', layer: number): Promise<Matrix> {
    const { la, plan, sources, basis } = this.merging;
    const { heads, headDim, ffn, hidden } = plan.target;
    const out = la.zeros(hidden, slot === 'o' ? heads * headDim : ffn, 'float32');
    let at = 0;
    for (const i of sources.keys()) {
      const weight = await keptWriter(this.merging, slot, layer, i);
      const part = la.view(out, 0, hidden, at, at + weight.cols);
      await la.gemm(writeOf(this.merging, i), weight, { alpha: basis.scale[i], out: part });
      at += weight.cols;
      la.dispose(weight);
    }
    return out;
  }

  private async writerBias(slot: 'o' | 'down', layer: number): Promise<Matrix> {
    const { la, plan, sources, basis } = this.merging;
    const r = plan.target.hidden;
    const bias = la.zeros(r, 1, 'float32');
    for (const [i, source] of sources.entries()) {
      if (!source.has(slot, layer, 'bias')) continue;
      const own = await source.matrix(slot, layer, 'bias');
      await la.gemm(writeOf(this.merging, i), own, { transB: true, alpha: basis.scale[i], beta: 1, out: bias });
      source.release(own);
    }
    return la.upload(await la.download(bias), 1, r);
  }
}

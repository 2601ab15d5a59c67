import type { Slot } from '../../../src/families/description.js';
import type { TransformerPlan } from '../../../src/families/plan.js';
import type { LinearAlgebra, Matrix } from '../../linalg/contract.js';
import type { Survey } from '../calibrated/survey.js';
import type { Control } from '../control.js';
import type { SlotTensors } from '../model.js';
import { type ClosedFormBasis, centres, expandOf, type Merging } from './merging.js';
import { centreColumns, centreRows } from './moment.js';
import { resultNorm } from './norms.js';
import { beside } from './pick.js';
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

  /** Σ_i E_i·k_i·row_i. */
  private async table(slot: 'word' | 'position' | 'type', rows?: readonly [number, number]): Promise<Matrix> {
    const { la, plan, sources, basis, widths } = this.merging;
    let out: Matrix | undefined;
    for (const [i, source] of sources.entries()) {
      const own = await source.matrix(slot, null, 'weight', rows);
      if (centres(plan)) centreRows((await la.download(own)) as Float32Array, widths[i]);
      out ??= la.zeros(own.rows, plan.target.hidden, 'float32');
      await la.gemm(own, expandOf(this.merging, i), { transB: true, alpha: basis.scale[i], beta: 1, out });
      la.dispose(own);
    }
    return out!;
  }

  /** E_i·k_i·W_i on the heads or units kept, side by side. */
  private async writer(slot: 'o' | 'down', layer: number): Promise<Matrix> {
    const { la, plan, sources, basis } = this.merging;
    const outs: Matrix[] = [];
    for (const i of sources.keys()) {
      const weight = await keptWriter(this.merging, slot, layer, i);
      if (centres(plan)) centreColumns((await la.download(weight)) as Float32Array, weight.cols);
      outs.push(await la.gemm(expandOf(this.merging, i), weight, { alpha: basis.scale[i] }));
      la.dispose(weight);
    }
    return beside(la, outs);
  }

  private async writerBias(slot: 'o' | 'down', layer: number): Promise<Matrix> {
    const { la, plan, sources, basis } = this.merging;
    const r = plan.target.hidden;
    const bias = la.zeros(r, 1, 'float32');
    for (const [i, source] of sources.entries()) {
      if (!source.has(slot, layer, 'bias')) continue;
      const values = (await la.download(await source.matrix(slot, layer, 'bias'))).slice();
      if (centres(plan)) centreColumns(values, 1);
      const column = la.upload(values, values.length, 1);
      await la.gemm(expandOf(this.merging, i), column, { alpha: basis.scale[i], beta: 1, out: bias });
    }
    return la.upload(await la.download(bias), 1, r);
  }
}

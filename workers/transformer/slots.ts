import { DataError } from '../../src/errors.js';
import type { Slot } from '../../src/families/description.js';
import { toFloat32 } from '../../src/safetensors/range.js';
import type { FloatArray, LinearAlgebra, Matrix } from '../linalg/contract.js';
import { type SlotTensors, slotKey } from './model.js';

/** The result while it is being fitted: canonical tensors in memory, float32. */
export class MemorySlots implements SlotTensors {
  private readonly la: LinearAlgebra;
  private readonly held = new Map<string, Matrix>();

  constructor(la: LinearAlgebra) {
    this.la = la;
  }

  put(slot: Slot, layer: number | null, part: 'weight' | 'bias', values: FloatArray, rows: number, cols: number): void {
    const key = slotKey(slot, layer, part);
    const floats = values instanceof Float32Array ? values : toFloat32(values, `The result's ${key}`);
    this.held.set(key, this.la.upload(floats, rows, cols));
  }

  /** A float32 matrix of this backend, which is the slots' from now on. */
  keep(slot: Slot, layer: number | null, part: 'weight' | 'bias', matrix: Matrix): void {
    this.held.set(slotKey(slot, layer, part), matrix);
  }

  vector(slot: Slot, layer: number | null, part: 'weight' | 'bias', values: FloatArray): void {
    this.put(slot, layer, part, values, 1, values.length);
  }

  has(slot: Slot, layer: number | null, part: 'weight' | 'bias'): boolean {
    return this.held.has(slotKey(slot, layer, part));
  }

  async matrix(
    slot: Slot,
    layer: number | null,
    part: 'weight' | 'bias',
    rows?: readonly [number, number],
  ): Promise<Matrix> {
    const found = this.held.get(slotKey(slot, layer, part));
    if (!found) throw new DataError('tensor_missing', `The merge produced no ${slotKey(slot, layer, part)}.`);
    return rows ? this.la.view(found, rows[0], rows[1], 0, found.cols) : found;
  }

  /** They stay until the fit is over. */
  release(): void {}
}

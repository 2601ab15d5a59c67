import type { CheckpointReader } from '../../src/checkpoints/reader.js';
import { DataError } from '../../src/errors.js';
import type { Architecture } from '../../src/families/architecture.js';
import type { Binding } from '../../src/families/binding.js';
import type { Slot } from '../../src/families/description.js';
import type { FloatArray, LinearAlgebra, Matrix, Precision } from '../linalg/contract.js';
import { transposed } from '../linalg/transposed.js';

/** y = x·Wᵀ + b; weight is [out, in] whatever the file's layout is. */
export interface Linear {
  weight: Matrix;
  bias: FloatArray | null;
}
/** Missing gain or bias: ones, zeros. */
export interface Norm {
  gain: FloatArray | null;
  bias: FloatArray | null;
}
export interface AttentionReaders {
  kind: 'attention';
  q: Linear;
  k: Linear;
  v: Linear;
}
export interface FfnReaders {
  kind: 'ffn';
  gate: Linear | null;
  up: Linear;
}
/** Neither gain nor bias. */
export const NO_NORM: Norm = { gain: null, bias: null };
/** What a sublayer reads the stream with. */
export type Readers = AttentionReaders | FfnReaders;
export type Sublayer = Readers & { writer: Linear };

/**
 * A model in one shape for every family: 2·layers sublayers (attention, FFN, attention, …) with a norm before each
 * (pre-norm) or after each (post-norm). Norm k normalises stream k; its output feeds sublayer k, and norm 2·layers
 * feeds the head.
 */
export interface Model {
  readonly architecture: Architecture;
  readonly precision: Precision;
  table(slot: 'word' | 'position' | 'type'): Promise<Matrix>;
  norm(k: number): Promise<Norm>;
  readers(k: number): Promise<Readers>;
  sublayer(k: number): Promise<Sublayer>;
  /** MLM transform with its norm; null for causal models. */
  transform(): Promise<{ dense: Linear; norm: Norm } | null>;
  decoder(): Promise<Linear | null>;
  pooler(): Promise<Linear | null>;
}

/** Where norm k of the model is stored. */
export function normSlot(a: Architecture, k: number): { slot: Slot; layer: number | null } {
  if (a.placement === 'post') {
    if (k === 0) return { slot: 'embedding_norm', layer: null };
    return { slot: k % 2 === 1 ? 'attention_norm' : 'ffn_norm', layer: (k - 1) >> 1 };
  }
  if (k === 2 * a.layers) return { slot: 'final_norm', layer: null };
  return { slot: k % 2 === 0 ? 'attention_norm' : 'ffn_norm', layer: k >> 1 };
}

export const slotKey = (slot: Slot, layer: number | null, part: 'weight' | 'bias') =>
  layer === null ? `${slot}.${part}` : `${layer}.${slot}.${part}`;

/** Canonical tensors by slot: what a model is made from, and what a merge produces. */
export interface SlotTensors {
  has(slot: Slot, layer: number | null, part: 'weight' | 'bias'): boolean;
  /**
   * A norm's gain counts as weight; vectors have one row. Linear maps are [out, in], tables [entries, width].
   * `rows`: only these, half-open.
   */
  matrix(slot: Slot, layer: number | null, part: 'weight' | 'bias', rows?: readonly [number, number]): Promise<Matrix>;
  /** Done with what `matrix` gave: disposed where it was made on demand. */
  release(matrix: Matrix): void;
}

/** Slots of one checkpoint, decoded on demand: sections cut out, Conv1D turned to [out, in]. */
export class StoredSlots implements SlotTensors {
  private readonly homes = new Map<string, { binding: Binding; section: number }>();
  private readonly reader: CheckpointReader;
  private readonly la: LinearAlgebra;
  private readonly precision: Precision;
  /** Reads in which every number was finite; they need no second look. */
  private readonly sound = new Set<string>();

  constructor(reader: CheckpointReader, bindings: readonly Binding[], la: LinearAlgebra, precision: Precision) {
    this.reader = reader;
    this.la = la;
    this.precision = precision;
    for (const binding of bindings)
      binding.slots.forEach((slot, section) => {
        this.homes.set(slotKey(slot, binding.layer, binding.part), { binding, section });
      });
  }

  has(slot: Slot, layer: number | null, part: 'weight' | 'bias'): boolean {
    return this.homes.has(slotKey(slot, layer, part));
  }

  binding(slot: Slot, layer: number | null, part: 'weight' | 'bias'): { binding: Binding; section: number } {
    const home = this.homes.get(slotKey(slot, layer, part));
    if (!home) throw new DataError('tensor_missing', `The model has no ${slotKey(slot, layer, part)}.`);
    return home;
  }

  async matrix(
    slot: Slot,
    layer: number | null,
    part: 'weight' | 'bias',
    wanted?: readonly [number, number],
  ): Promise<Matrix> {
    const { binding, section } = this.binding(slot, layer, part);
    const isTable = slot === 'word' || slot === 'position' || slot === 'type';
    const matrix = await (binding.shape.length === 1
      ? this.vector(binding, section)
      : binding.layout === 'in_out' && !isTable
        ? this.turned(binding, section, wanted)
        : this.rowsOf(binding, section, wanted));
    const read = `${binding.name} ${section} ${wanted}`;
    if (!this.sound.has(read)) await checkFinite(this.la, matrix, binding.name);
    this.sound.add(read);
    return matrix;
  }

  release(matrix: Matrix): void {
    this.la.dispose(matrix);
  }

  private async vector({ name, shape, slots }: Binding, section: number): Promise<Matrix> {
    const width = shape[0] / slots.length;
    const all = await this.reader.floats(name, this.precision);
    return this.la.upload(all.slice(section * width, (section + 1) * width), 1, width);
  }

  private rowsOf({ name, shape, slots }: Binding, section: number, wanted?: readonly [number, number]) {
    const height = shape[0] / slots.length;
    const [r0, r1] = wanted ?? [0, height];
    const rows = [section * height + r0, section * height + r1] as const;
    return this.la.receive(r1 - r0, shape[1], this.precision, (values) =>
      this.reader.floatsInto(name, values, { rows }),
    );
  }

  /** Conv1D keeps [in, out]. */
  private async turned(
    { name, shape: [rows, columns], slots }: Binding,
    section: number,
    wanted?: readonly [number, number],
  ) {
    const width = columns / slots.length;
    const [r0, r1] = wanted ?? [0, width];
    const range = [section * width + r0, section * width + r1] as const;
    const values = await this.reader.floats(name, this.precision, { columns: range });
    return this.la.upload(transposed(values, rows, r1 - r0), r1 - r0, rows);
  }
}

/** The first NaN or infinity stops the job: one bad weight spreads over the whole result. @throws DataError naming it */
export async function checkFinite(la: LinearAlgebra, matrix: Matrix, name: string): Promise<void> {
  if (Number.isFinite((await la.norms(matrix)).sumAbs)) return;
  await la.inspect(matrix, (values) => {
    const index = values.findIndex((value) => !Number.isFinite(value));
    if (index >= 0)
      throw new DataError('weights_not_finite', `Tensor "${name}" holds ${values[index]} at index ${index}.`);
  });
}

/** A model over slot tensors, each part read once and kept. `release` drops a sublayer when a pass is done with it. */
export class SlotModel implements Model {
  readonly architecture: Architecture;
  readonly precision: Precision;
  private readonly slots: SlotTensors;
  private readonly la: LinearAlgebra;
  private readonly kept = new Map<string, Promise<Matrix>>();

  constructor(architecture: Architecture, slots: SlotTensors, la: LinearAlgebra, precision: Precision) {
    this.architecture = architecture;
    this.precision = precision;
    this.slots = slots;
    this.la = la;
  }

  table(slot: 'word' | 'position' | 'type'): Promise<Matrix> {
    return this.get(slot, null, 'weight');
  }

  async norm(k: number): Promise<Norm> {
    const { slot, layer } = normSlot(this.architecture, k);
    return this.normAt(slot, layer);
  }

  async readers(k: number): Promise<Readers> {
    const layer = k >> 1;
    const linear = (slot: Slot) => this.linear(slot, layer);
    if (k % 2 === 0) return { kind: 'attention', q: await linear('q'), k: await linear('k'), v: await linear('v') };
    const gate = this.slots.has('gate', layer, 'weight') ? await linear('gate') : null;
    return { kind: 'ffn', gate, up: await linear('up') };
  }

  async sublayer(k: number): Promise<Sublayer> {
    return { ...(await this.readers(k)), writer: await this.linear(k % 2 === 0 ? 'o' : 'down', k >> 1) };
  }

  /** Forget sublayer k, so that a front-to-back pass holds one sublayer at a time. */
  async release(k: number): Promise<void> {
    for (const [key, held] of this.kept)
      if (key.startsWith(`${k >> 1}.`)) {
        this.kept.delete(key);
        this.la.dispose(await held);
      }
  }

  async transform(): Promise<{ dense: Linear; norm: Norm } | null> {
    if (this.architecture.head !== 'masked') return null;
    return { dense: await this.linear('transform', null), norm: await this.normAt('transform_norm', null) };
  }

  async decoder(): Promise<Linear | null> {
    const { head, tied } = this.architecture;
    if (head === 'none') return null;
    const stored = !tied && this.slots.has('decoder', null, 'weight');
    return {
      weight: stored ? await this.get('decoder', null, 'weight') : await this.table('word'),
      bias: await this.vector('decoder', null, 'bias'),
    };
  }

  async pooler(): Promise<Linear | null> {
    return this.slots.has('pooler', null, 'weight') ? this.linear('pooler', null) : null;
  }

  private async normAt(slot: Slot, layer: number | null): Promise<Norm> {
    return { gain: await this.vector(slot, layer, 'weight'), bias: await this.vector(slot, layer, 'bias') };
  }

  private async linear(slot: Slot, layer: number | null): Promise<Linear> {
    return { weight: await this.get(slot, layer, 'weight'), bias: await this.vector(slot, layer, 'bias') };
  }

  private async vector(slot: Slot, layer: number | null, part: 'weight' | 'bias'): Promise<FloatArray | null> {
    return this.slots.has(slot, layer, part) ? this.la.download(await this.get(slot, layer, part)) : null;
  }

  private get(slot: Slot, layer: number | null, part: 'weight' | 'bias'): Promise<Matrix> {
    const key = slotKey(slot, layer, part);
    const held = this.kept.get(key) ?? this.slots.matrix(slot, layer, part);
    this.kept.set(key, held);
    return held;
  }
}

/** The model a checkpoint holds. */
export const storedModel = (
  architecture: Architecture,
  reader: CheckpointReader,
  bindings: readonly Binding[],
  la: LinearAlgebra,
  precision: Precision = 'float32',
) => new SlotModel(architecture, new StoredSlots(reader, bindings, la, precision), la, precision);

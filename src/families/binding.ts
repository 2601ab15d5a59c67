import { SpecError } from '../errors.js';
import { type FloatDtype, isFloatDtype } from '../safetensors/dtype.js';
import type { TensorInfo } from '../safetensors/header.js';
import type { Architecture } from './architecture.js';
import { type FamilyDescription, HEAD_SLOTS, type Slot, type Space, type TensorPattern } from './description.js';
import { hasBasePrefix, storedNames } from './model-class.js';

/** One tensor of a file and what it is in the model. JSON-serialisable. */
export interface Binding {
  name: string;
  /** Name the stock class uses today; differs from `name` for old names and other prefixes. */
  canonical: string;
  slots: Slot[];
  part: 'weight' | 'bias';
  /** Layer index; null outside layers. */
  layer: number | null;
  axes: Space[];
  layout: 'out_in' | 'in_out';
  shape: number[];
  dtype: FloatDtype;
}

export interface BoundTensors {
  bindings: Binding[];
  /** Tensors no pattern knows. */
  extra: string[];
  /** Known tensors without weights, left out. */
  buffers: string[];
  /** Tensors that the class, as its config.json sets it, has no place for: `transformers` ignores them too. */
  ignored: string[];
}

/** Whether a model of this class, with these flags and this tie, stores a pattern's tensors. */
export function wanted(pattern: TensorPattern, a: Architecture): boolean {
  const slot = pattern.slots[0];
  if (pattern.flag && !a.flags[pattern.flag.key]) return false;
  // The stock classes with a head have no pooler.
  if (slot === 'pooler') return a.head === 'none';
  if (!HEAD_SLOTS.includes(slot)) return true;
  if (a.head === 'none') return false;
  return !(slot === 'decoder' && pattern.part === 'weight' && a.tied);
}

export const spaceWidth = (a: Architecture, space: Space): number =>
  ({
    residual: a.hidden,
    heads: a.heads * a.headDim,
    kv_heads: a.kvHeads * a.headDim,
    ffn: a.ffn,
    vocabulary: a.vocabulary,
    positions: a.positions,
    types: a.types,
    transform: a.hidden,
    pooler: a.hidden,
  })[space];

/** Shape a pattern's tensor must have; sections multiply the output axis. */
export function shapeOf(pattern: Pick<TensorPattern, 'axes' | 'layout' | 'slots'>, a: Architecture): number[] {
  const outAxis = pattern.axes.length === 1 || pattern.layout === 'out_in' ? 0 : 1;
  return pattern.axes.map((space, axis) => spaceWidth(a, space) * (axis === outAxis ? pattern.slots.length : 1));
}

/** Prefix of the base model's tensors in the class that is written. */
export const basePrefix = (family: FamilyDescription, { head }: Pick<Architecture, 'head'>): string =>
  head === 'none' ? '' : family.base_prefix;

/** Whether a pattern names one tensor in each layer. */
export const perLayer = (pattern: string) => pattern.includes('{layer}');

/** Every concrete name of a pattern, layer by layer. */
export function expandName(pattern: string, base: string, layers: number): { name: string; layer: number | null }[] {
  const named = pattern.replace('{base}', base);
  if (!perLayer(named)) return [{ name: named, layer: null }];
  return Array.from({ length: layers }, (_, layer) => ({ name: named.replace('{layer}', String(layer)), layer }));
}

/**
 * Find each tensor the family describes among a checkpoint's. Pure.
 * @throws SpecError `tensor_missing`, `tensor_shape`, `dtype_unsupported`, naming tensor, actual and expected
 */
export function bindTensors(
  family: FamilyDescription,
  a: Architecture,
  tensors: ReadonlyMap<string, TensorInfo>,
  pointer: string,
): BoundTensors {
  const base = hasBasePrefix(family, tensors) ? family.base_prefix : '';
  const taken = new Set<string>();
  const bindings: Binding[] = [];
  const ignored: string[] = [];
  for (const pattern of family.tensors) {
    const stored = storedNames(pattern, a.tieStated).map((name) => expandName(name, base, a.layers));
    const unread = pattern.also.map((name) => expandName(name, base, a.layers));
    expandName(pattern.name, basePrefix(family, a), a.layers).forEach(({ name: canonical, layer }, index) => {
      const present = stored.map((list) => list[index].name).filter((name) => tensors.has(name));
      const others = unread.map((list) => list[index].name).filter((name) => tensors.has(name));
      for (const name of [...present, ...others]) taken.add(name);
      if (!a.tieStated) ignored.push(...others);
      if (!wanted(pattern, a)) {
        ignored.push(...present);
        return;
      }
      if (present.length === 0) {
        if (pattern.optional) return;
        throw new SpecError(
          'tensor_missing',
          `Tensor "${canonical}" (${pattern.slots.join(', ')} of ${a.className}) is not in the checkpoint` +
            `${others.length > 0 ? `; ${others.join(', ')} is, but counts only where ${family.tie.key} is true` : ''}.`,
          pointer,
        );
      }
      bindings.push(bind(pattern, a, tensors.get(present[0])!, canonical, layer, pointer));
    });
  }
  const buffers = new Set(
    family.buffers.flatMap((name) => expandName(name, base, a.layers).map((entry) => entry.name)),
  );
  const rest = [...tensors.keys()].filter((name) => !taken.has(name)).sort();
  return {
    bindings,
    ignored,
    buffers: rest.filter((name) => buffers.has(name)),
    extra: rest.filter((name) => !buffers.has(name)),
  };
}

function bind(
  pattern: TensorPattern,
  a: Architecture,
  info: TensorInfo,
  canonical: string,
  layer: number | null,
  pointer: string,
): Binding {
  const expected = shapeOf(pattern, a);
  if (info.shape.length !== expected.length || info.shape.some((extent, axis) => extent !== expected[axis]))
    throw new SpecError(
      'tensor_shape',
      `Tensor "${info.name}" is [${info.shape.join(', ')}]; its config.json asks for [${expected.join(', ')}] (${pattern.axes.join(' × ')}).`,
      pointer,
    );
  if (!isFloatDtype(info.dtype))
    throw new SpecError(
      'dtype_unsupported',
      `Tensor "${info.name}" is ${info.dtype}; weights must be F64, F32, F16 or BF16.`,
      pointer,
    );
  const { slots, part, axes, layout } = pattern;
  return { name: info.name, canonical, slots, part, layer, axes, layout, shape: info.shape, dtype: info.dtype };
}

import { SpecError } from '../errors.js';
import { type ConfigReader, shown } from './config-reader.js';
import type { FamilyDescription } from './description.js';

/** Layers in which a query sees only the places near it. */
export interface AttentionWindow {
  size: number;
  /** From this layer on, or one answer for each layer. */
  layers: { from: number } | boolean[];
}

interface Windowed {
  causal: boolean;
  window: AttentionWindow | null;
}

const hasWindow = ({ layers }: AttentionWindow, layer: number) =>
  Array.isArray(layers) ? layers[layer] : layer >= layers.from;

/**
 * Places [from, to) of a sequence of `length` that the query at `place` sees. A causal window counts the query's own
 * place; a window that looks both ways reaches `size` places to either side, as in transformers' masking_utils.py.
 */
export function visible({ causal, window }: Windowed, layer: number, place: number, length: number): [number, number] {
  if (!window || !hasWindow(window, layer)) return [0, causal ? place + 1 : length];
  const { size } = window;
  return causal
    ? [Math.max(0, place + 1 - size), place + 1]
    : [Math.max(0, place - size), Math.min(length, place + size + 1)];
}

/** Size of the window in each layer, null where there is none: what two models must agree in. */
export const windowSizes = ({ layers, window }: { layers: number; window: AttentionWindow | null }) =>
  window && Array.from({ length: layers }, (_, layer) => (hasWindow(window, layer) ? window.size : null));

/** The window that config.json sets. @throws SpecError `config_invalid`, `config_unsupported` naming the key */
export function windowOf(
  { attention, config }: FamilyDescription,
  read: ConfigReader,
  layers: number,
  pointer: string,
): AttentionWindow | null {
  const rule = attention.sliding_window;
  if (!rule) return null;
  const enabled = !rule.enabled_key || read.boolean(rule.enabled_key, false);
  const size = read.optionalSize(rule.key, rule.default);
  const from = rule.from_layer_key
    ? read.integer(rule.from_layer_key, (config?.keys[rule.from_layer_key]?.default as number | undefined) ?? 0, 0)
    : 0;
  const listed = rule.layer_types_key ? listedLayers(read, rule.layer_types_key, layers, pointer) : null;
  if (enabled && size !== null) return { size, layers: listed ?? { from } };
  if (listed?.includes(true))
    throw new SpecError(
      'config_invalid',
      `${rule.layer_types_key} of config.json has "sliding_attention" layers, but ${rule.key} sets no window` +
        `${rule.enabled_key ? ` (or ${rule.enabled_key} is not true)` : ''}.`,
      pointer,
    );
  return null;
}

const FULL = ['full_attention', 'attention'];

/** Which layers have a window, from a list of their kinds; null where there is no list. */
function listedLayers(read: ConfigReader, key: string, layers: number, pointer: string): boolean[] | null {
  const list = read.value(key);
  if (list === undefined || list === null) return null;
  if (!Array.isArray(list) || list.length !== layers)
    throw read.invalid(key, `a list of one name for each of the ${layers} layers`);
  return list.map((kind) => {
    if (kind !== 'sliding_attention' && !FULL.includes(kind))
      throw new SpecError(
        'config_unsupported',
        `${key} of config.json names ${shown(kind)}; supported are "full_attention" and "sliding_attention".`,
        pointer,
      );
    return kind === 'sliding_attention';
  });
}

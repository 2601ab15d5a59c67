import type { FamilyDescriptionInput, Slot, Space } from './description.js';

type Pattern = FamilyDescriptionInput['tensors'][number];

interface LinearOptions {
  layout?: 'out_in' | 'in_out';
  bias?: 'none' | 'required' | 'optional';
  optional?: boolean;
  /** Config key, false by default, that says whether there is a bias. */
  biasFlag?: string;
}

/** Weight and bias of a linear map `out ← in`, as two patterns. */
export function linear(
  name: string,
  slots: Slot | Slot[],
  out: Space,
  input: Space,
  { layout = 'out_in', bias = 'none', optional = false, biasFlag }: LinearOptions = {},
): Pattern[] {
  const list = Array.isArray(slots) ? slots : [slots];
  const weight: Pattern = {
    name: `${name}.weight`,
    slots: list,
    axes: layout === 'out_in' ? [out, input] : [input, out],
    layout,
    optional,
  };
  if (bias === 'none') return [weight];
  return [
    weight,
    {
      name: `${name}.bias`,
      slots: list,
      part: 'bias',
      axes: [out],
      optional: optional || bias === 'optional',
      ...(biasFlag ? { flag: { key: biasFlag, default: false } } : {}),
    },
  ];
}

/** An embedding table [entries, width]: its columns write the residual stream. */
export const table = (name: string, slot: Slot, entries: Space): Pattern => ({
  name: `${name}.weight`,
  slots: [slot],
  axes: [entries, 'residual'],
  layout: 'in_out',
});

/** Gain, and for LayerNorm the bias. `gamma`/`beta` are the names of checkpoints converted from TensorFlow. */
export function norm(name: string, slot: Slot, kind: 'layer' | 'rms', space: Space = 'residual'): Pattern[] {
  const gain: Pattern = { name: `${name}.weight`, aliases: [`${name}.gamma`], slots: [slot], axes: [space] };
  if (kind === 'rms') return [{ ...gain, aliases: [] }];
  return [gain, { name: `${name}.bias`, aliases: [`${name}.beta`], slots: [slot], part: 'bias', axes: [space] }];
}

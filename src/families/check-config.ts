import { SpecError } from '../errors.js';
import { type Config, shown } from './config-reader.js';
import type { FamilyDescription } from './description.js';
import { ROTARY_KEYS } from './rotary.js';

/**
 * Refuse what a family would read over: values of a wrong type, and keys that may change what the model computes.
 * A key passes where the family reads it, where it is known not to matter, or where it holds its default.
 * @throws SpecError `config_invalid`, `config_unsupported` naming the key
 */
export function checkConfig(family: FamilyDescription, config: Config, pointer: string): void {
  for (const [key, value] of Object.entries(family.require))
    if (Object.hasOwn(config, key) && config[key] !== null && config[key] !== value)
      throw new SpecError(
        'config_unsupported',
        `${key} of config.json is ${shown(config[key])}; family ${family.family} is supported with ${shown(value)} only.`,
        pointer,
      );
  if (!family.config) return;
  const { keys, ignored } = family.config;
  const passed = new Set([...readKeys(family), ...ignored]);
  for (const [key, value] of Object.entries(config)) {
    if (value === undefined) continue; // absent, as in ConfigReader
    const known = Object.hasOwn(keys, key) ? keys[key] : null;
    if (known && !known.types.some((type) => isOfType(value, type)))
      throw new SpecError(
        'config_invalid',
        `${key} of config.json is ${shown(value)}; it must be of type ${known.types.join(' or ')}.`,
        pointer,
      );
    if (passed.has(key) || value === (known?.default ?? null)) continue;
    throw new SpecError('config_unsupported', refusal(family, key, value, known), pointer);
  }
}

function refusal(family: FamilyDescription, key: string, value: unknown, known: { default: unknown } | null): string {
  const subject = `${JSON.stringify(key)} of config.json is ${shown(value)}`;
  return known
    ? `${subject}; family ${family.family} is supported with ${shown(known.default)} only, its default.`
    : `${subject}; family ${family.family} does not know this key, which may change what the model computes. ` +
        'If it does not, use a copy of the checkpoint whose config.json leaves it out.';
}

/** Keys that a description names, and those that every family reads. */
function readKeys(family: FamilyDescription): string[] {
  const { sizes, norm, attention, positions, activation, tie, require, tensors } = family;
  const window = attention.sliding_window;
  const named = [
    ...Object.values(sizes).filter((key) => typeof key === 'string'),
    norm.epsilon.key,
    attention.causal_key,
    window?.key,
    window?.enabled_key,
    window?.from_layer_key,
    window?.layer_types_key,
    activation.key,
    tie.key,
    ...Object.keys(require),
    ...tensors.map(({ flag }) => flag?.key),
    ...(positions.kind === 'rotary' ? [positions.theta.key, ...ROTARY_KEYS] : []),
  ];
  return ['model_type', 'architectures', 'pad_token_id', ...named.filter((key) => key !== undefined)];
}

function isOfType(value: unknown, type: string): boolean {
  switch (type) {
    case 'integer':
      return Number.isInteger(value);
    case 'null':
      return value === null;
    case 'array':
      return Array.isArray(value);
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value);
    default:
      return typeof value === type;
  }
}

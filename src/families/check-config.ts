import { SpecError } from '../errors.js';
import { TEXT_MODEL_KEYS } from './config-keys.js';
import { type Config, shown } from './config-reader.js';
import type { FamilyDescription } from './description.js';
import { ROTARY_KEYS } from './rotary.js';

/**
 * Refuse what a family would read over: values of a wrong type, and keys that may change what the model computes.
 * A key passes where the family reads it, where it is known not to matter, where it holds its default, and where no text
 * model has such a key (`unreadKeys`).
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
    if (passed.has(key) || value === (known?.default ?? null) || (!known && isUnread(key, value))) continue;
    throw new SpecError('config_unsupported', refusal(family, key, value, known), pointer);
  }
}

/**
 * Keys of a config.json that nothing reads in a model of this family, neither weightfold nor transformers, so that they
 * change nothing: for a warning.
 */
export function unreadKeys(family: FamilyDescription, config: Config): string[] {
  if (!family.config) return [];
  const passed = new Set([...readKeys(family), ...family.config.ignored, ...Object.keys(family.config.keys)]);
  return Object.entries(config).flatMap(([key, value]) =>
    value === undefined || value === null || passed.has(key) || !isUnread(key, value) ? [] : [key],
  );
}

/** Whether a key that the family does not have is unknown to every text model of transformers, or switched off. */
function isUnread(key: string, value: unknown): boolean {
  const off = value === false || (typeof value === 'object' && value !== null && Object.keys(value).length === 0);
  return off || !TEXT_MODEL_KEYS.has(key);
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

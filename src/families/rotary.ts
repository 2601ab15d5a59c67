import { SpecError } from '../errors.js';
import { type Config, ConfigReader, shown } from './config-reader.js';

/**
 * Frequencies of rotary positions (Su et al. 2021) and how they are rescaled for longer sequences, as transformers'
 * modeling_rope_utils.py names the kinds and their parameters.
 */
export interface Rotary {
  theta: number;
  scaling: RotaryScaling;
}

export type RotaryScaling =
  | { type: 'none' }
  | { type: 'linear'; factor: number }
  /** NTK by parts of the base: from sequences longer than `original` on, by their own length. */
  | { type: 'dynamic'; factor: number; original: number }
  | { type: 'llama3'; factor: number; low: number; high: number; original: number }
  /** `attention` multiplies cosines and sines; `fast` and `slow` are rotations within `original` places. */
  | {
      type: 'yarn';
      factor: number;
      original: number;
      attention: number;
      fast: number;
      slow: number;
      truncate: boolean;
    }
  /** Divisors of the frequencies: `short` up to `original` places, `long` beyond. */
  | { type: 'longrope'; original: number; attention: number; short: number[]; long: number[] }
  /** The first `angles` planes turn, the others do not. */
  | { type: 'proportional'; factor: number; angles: number };

const TYPES = ['default', 'linear', 'dynamic', 'llama3', 'yarn', 'longrope', 'proportional'];

const OUTER = 'original_max_position_embeddings';

/** Keys beside the base's own that decide about rotary positions. */
export const ROTARY_KEYS = ['rope_parameters', 'rope_scaling', 'partial_rotary_factor', OUTER];

interface Sizes {
  headDim: number;
  /** max_position_embeddings; 0 where the family has none. */
  positions: number;
}

/**
 * Rotary settings as transformers reads them: a non-empty `rope_scaling` (older files) takes the place of
 * `rope_parameters`; what stands inside wins over the same key outside, except for original_max_position_embeddings.
 * @throws SpecError `config_invalid` naming the key, `config_unsupported` for kinds that are not known
 */
export function rotaryOf(
  theta: { key: string; default: number },
  config: Config,
  sizes: Sizes,
  pointer: string,
): Rotary {
  const outer = new ConfigReader(config, pointer);
  if (sizes.headDim % 2 !== 0)
    throw new SpecError(
      'config_invalid',
      `Heads of ${sizes.headDim} dimensions cannot have rotary positions, which turn pairs: head_dim must be even.`,
      pointer,
    );
  const name = isFilled(outer, 'rope_scaling') ? 'rope_scaling' : 'rope_parameters';
  const settings = isFilled(outer, name) ? (config[name] as Config) : {};
  const inner = new ConfigReader(settings, pointer, `${name} of config.json`);
  for (const [key, value] of Object.entries(settings))
    if (isRecord(value))
      throw new SpecError(
        'config_unsupported',
        `${key} of ${name} of config.json is an object: rotary settings for each kind of layer are not supported.`,
        pointer,
      );
  const holder = Object.hasOwn(settings, theta.key) ? inner : outer;
  const base = holder.number(theta.key, theta.default, 0, { exclusive: true });
  const scaling = scalingOf(inner, outer, sizes, pointer);
  // YaRN finds its planes by the logarithm to this base.
  if (scaling.type === 'yarn' && base === 1) throw holder.invalid(theta.key, 'another number than 1 with yarn');
  return { theta: base, scaling };
}

function isFilled(read: ConfigReader, key: string): boolean {
  const value = read.value(key);
  if (value === undefined || value === null) return false;
  if (!isRecord(value)) throw read.invalid(key, 'an object or null');
  return Object.keys(value).length > 0;
}

const isRecord = (value: unknown): value is Config =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function scalingOf(inner: ConfigReader, outer: ConfigReader, sizes: Sizes, pointer: string): RotaryScaling {
  const key = inner.value('rope_type') === undefined ? 'type' : 'rope_type';
  const type = inner.value(key) ?? 'default';
  if (typeof type !== 'string') throw inner.invalid(key, 'a string');
  if (type === 'default') return { type: 'none' };
  const share = partialFactor(inner, outer);
  if (type === 'proportional')
    return {
      type,
      factor: inner.number('factor', 1, 0, { exclusive: true }),
      angles: Math.floor((share * sizes.headDim) / 2),
    };
  if (TYPES.includes(type) && Math.floor(share * sizes.headDim) !== sizes.headDim)
    throw new SpecError(
      'config_invalid',
      `partial_rotary_factor of config.json is ${share}: with rope_type ${shown(type)} whole heads are turned; it must be 1.`,
      pointer,
    );
  if (type === 'linear') return { type, factor: factorOf(inner) };
  if (type === 'dynamic') return dynamicOf(inner, sizes, pointer);
  if (type === 'llama3') return llama3Of(inner, originalOf(inner, outer, sizes));
  if (type === 'yarn') return yarnOf(inner, originalOf(inner, outer, sizes), sizes);
  if (type === 'longrope') return longropeOf(inner, originalOf(inner, outer, sizes), sizes);
  throw new SpecError(
    'config_unsupported',
    `${key} of the rotary settings of config.json is ${shown(type)}; supported are ${TYPES.join(', ')}.`,
    pointer,
  );
}

function partialFactor(inner: ConfigReader, outer: ConfigReader): number {
  const holder = inner.value('partial_rotary_factor') === undefined ? outer : inner;
  const value = holder.optionalNumber('partial_rotary_factor', 0, { exclusive: true }) ?? 1;
  if (value > 1) throw holder.invalid('partial_rotary_factor', 'at most 1');
  return value;
}

const factorOf = (inner: ConfigReader) => inner.number('factor', undefined, 0, { exclusive: true });

/** Places the model was trained on: the key outside wins, and without either it is max_position_embeddings. */
function originalOf(inner: ConfigReader, outer: ConfigReader, { positions }: Sizes): number {
  if (outer.value(OUTER) !== undefined) return outer.size(OUTER);
  return inner.size(OUTER, positions || undefined);
}

function dynamicOf(inner: ConfigReader, { headDim, positions }: Sizes, pointer: string): RotaryScaling {
  if (headDim === 2 || positions === 0)
    throw new SpecError(
      'config_invalid',
      `rope_type "dynamic" needs heads of more than 2 dimensions and max_position_embeddings; they are ${headDim} and ${positions}.`,
      pointer,
    );
  return { type: 'dynamic', factor: factorOf(inner), original: positions };
}

function llama3Of(inner: ConfigReader, original: number): RotaryScaling {
  const low = inner.number('low_freq_factor', undefined, 0, { exclusive: true });
  const high = inner.number('high_freq_factor', undefined, low, { exclusive: true });
  return { type: 'llama3', factor: factorOf(inner), low, high, original };
}

/** `factor`, or where it is null how many times longer the model's sequences are than those it was trained on. */
const impliedFactor = (inner: ConfigReader, original: number, { positions }: Sizes) =>
  (positions > 0 ? inner.optionalNumber('factor', 0, { exclusive: true }) : factorOf(inner)) ?? positions / original;

/** Peng et al. 2023, equation 22: the temperature that longer sequences need. */
const yarnScale = (factor: number, weight = 1) => (factor <= 1 ? 1 : 0.1 * weight * Math.log(factor) + 1);

function yarnOf(inner: ConfigReader, original: number, sizes: Sizes): RotaryScaling {
  if (inner.value('factor') === undefined) throw inner.invalid('factor', 'a number above 0, or null');
  const factor = impliedFactor(inner, original, sizes);
  const [weight, all] = [inner.optionalNumber('mscale', 0), inner.optionalNumber('mscale_all_dim', 0)];
  const own = weight && all ? yarnScale(factor, weight) / yarnScale(factor, all) : yarnScale(factor);
  return {
    type: 'yarn',
    factor,
    original,
    attention: inner.optionalNumber('attention_factor', 0) ?? own,
    // 0 stands for the default, as in the library.
    fast: inner.optionalNumber('beta_fast', 0) || 32,
    slow: inner.optionalNumber('beta_slow', 0) || 1,
    truncate: inner.boolean('truncate', true),
  };
}

function longropeOf(inner: ConfigReader, original: number, sizes: Sizes): RotaryScaling {
  const { headDim } = sizes;
  const factor = impliedFactor(inner, original, sizes);
  const own = factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(original));
  if (!Number.isFinite(own)) throw inner.invalid(OUTER, 'larger than 1');
  const divisors = (key: string) => {
    const list = inner.value(key);
    const sound = Array.isArray(list) && list.length === headDim / 2;
    if (!sound || !list.every((value) => typeof value === 'number' && Number.isFinite(value) && value > 0))
      throw inner.invalid(key, `a list of ${headDim / 2} numbers above 0, half the head_dim`);
    return list as number[];
  };
  return {
    type: 'longrope',
    original,
    attention: inner.optionalNumber('attention_factor', 0) ?? own,
    short: divisors('short_factor'),
    long: divisors('long_factor'),
  };
}

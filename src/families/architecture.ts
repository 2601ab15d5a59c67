import { SpecError } from '../errors.js';
import { ACTIVATIONS, type Activation, type FamilyDescription } from './description.js';
import { flagsOf, isTied, modelClass, type TensorNames } from './model-class.js';

export type Config = Record<string, unknown>;

/** Frequencies of rotary positions (Su et al. 2021), with the rescalings stock Llama configs use. */
export interface Rotary {
  theta: number;
  scaling:
    | { type: 'none' }
    | { type: 'linear'; factor: number }
    | { type: 'llama3'; factor: number; low: number; high: number; original: number };
}

/** Everything a forward pass needs besides the weights: a family description with one config's numbers in it. */
export interface Architecture {
  family: string;
  /** Stock class, e.g. `LlamaForCausalLM`. */
  className: string;
  head: 'none' | 'causal' | 'masked';
  causal: boolean;
  norm: 'layer' | 'rms';
  placement: 'pre' | 'post';
  epsilon: number;
  activation: Activation;
  layers: number;
  hidden: number;
  heads: number;
  kvHeads: number;
  headDim: number;
  ffn: number;
  vocabulary: number;
  positions: number;
  types: number;
  /** First row of the position table that a place uses; null where positions are rotary. */
  positionOffset: number | null;
  /** Whether padding takes the pad row and does not count as a place (RoBERTa). */
  positionsSkipPadding: boolean;
  rotary: Rotary | null;
  /** Places a query may look back, itself included; null: all. */
  window: number | null;
  /** First layer the window holds in. */
  windowFromLayer: number;
  tied: boolean;
  /** Config keys that say whether tensors exist, e.g. `attention_bias`. */
  flags: Record<string, boolean>;
  padId: number | null;
}

const NAMES: Record<string, Activation> = {
  gelu: 'gelu',
  gelu_new: 'gelu_new',
  gelu_pytorch_tanh: 'gelu_new',
  silu: 'silu',
  swish: 'silu',
  relu: 'relu',
};

/**
 * Put a config's numbers into a family description. Pure.
 * @param pointer where the config came from, for messages, e.g. `/sources/0`.
 * @param tensors of the checkpoint: they decide what config.json leaves open.
 * @throws SpecError `config_invalid`, `config_unsupported`, `activation_unsupported`, `class_unsupported`
 */
export function architectureOf(
  family: FamilyDescription,
  config: Config,
  pointer: string,
  tensors?: TensorNames,
): Architecture {
  const read = new ConfigReader(config, pointer);
  refuseUnsupported(family, config, pointer);
  const { sizes } = family;
  const hidden = read.size(sizes.hidden);
  const heads = read.size(sizes.heads);
  const stated = sizes.head_dim ? read.optionalSize(sizes.head_dim) : null;
  if (stated === null && hidden % heads !== 0)
    throw new SpecError(
      'config_invalid',
      `${sizes.hidden} ${hidden} is no multiple of ${sizes.heads} ${heads} and config.json states no head_dim.`,
      pointer,
    );
  const padId = typeof config.pad_token_id === 'number' ? config.pad_token_id : null;
  const skipPadding = family.positions.kind === 'learned' && family.positions.offset === 'padding';
  const window = slidingWindow(family, config);
  return {
    family: family.family,
    ...modelClass(family, config, tensors, pointer),
    causal: family.attention.kind === 'causal',
    norm: family.norm.kind,
    placement: family.norm.placement,
    epsilon: read.number(family.norm.epsilon.key, family.norm.epsilon.default),
    activation: activationOf(family, config, pointer),
    layers: read.size(sizes.layers),
    hidden,
    heads,
    kvHeads: (sizes.kv_heads && read.optionalSize(sizes.kv_heads)) || heads,
    headDim: stated ?? hidden / heads,
    ffn: intermediate(family, read, hidden),
    vocabulary: read.size(sizes.vocabulary),
    positions: sizes.positions ? read.size(sizes.positions) : 0,
    types: sizes.types ? read.size(sizes.types) : 0,
    positionOffset: family.positions.kind === 'rotary' ? null : skipPadding ? (padId ?? 1) + 1 : 0,
    positionsSkipPadding: skipPadding,
    rotary: family.positions.kind === 'rotary' ? rotaryOf(family.positions.theta, config, pointer) : null,
    ...window,
    tied: isTied(family, config, tensors),
    flags: flagsOf(family, config, pointer),
    padId: skipPadding ? (padId ?? 1) : padId,
  };
}

class ConfigReader {
  private readonly config: Config;
  private readonly pointer: string;
  constructor(config: Config, pointer: string) {
    this.config = config;
    this.pointer = pointer;
  }

  size(key: string): number {
    const value = this.optionalSize(key);
    if (value === null)
      throw new SpecError('config_invalid', `config.json lacks ${key}, a positive integer.`, this.pointer);
    return value;
  }

  optionalSize(key: string): number | null {
    const value = this.config[key];
    if (value === undefined || value === null) return null;
    if (!Number.isSafeInteger(value) || (value as number) < 1)
      throw new SpecError(
        'config_invalid',
        `${key} of config.json is ${JSON.stringify(value)}; it must be a positive integer.`,
        this.pointer,
      );
    return value as number;
  }

  number(key: string, fallback: number): number {
    const value = this.config[key];
    return typeof value === 'number' && Number.isFinite(value) ? value : fallback;
  }
}

function intermediate(family: FamilyDescription, read: ConfigReader, hidden: number): number {
  const times = family.sizes.intermediate_times_hidden;
  if (times === undefined) return read.size(family.sizes.intermediate);
  return read.optionalSize(family.sizes.intermediate) ?? times * hidden;
}

function refuseUnsupported(family: FamilyDescription, config: Config, pointer: string): void {
  for (const [key, value] of Object.entries(family.require))
    if (config[key] !== undefined && config[key] !== null && config[key] !== value)
      throw new SpecError(
        'config_unsupported',
        `${key} of config.json is ${JSON.stringify(config[key])}; family ${family.family} is supported with ${JSON.stringify(value)} only.`,
        pointer,
      );
}

function activationOf(family: FamilyDescription, config: Config, pointer: string): Activation {
  const named = config[family.activation.key] ?? family.activation.default;
  const known = typeof named === 'string' && Object.hasOwn(NAMES, named) ? NAMES[named] : undefined;
  if (!known)
    throw new SpecError(
      'activation_unsupported',
      `${family.activation.key} is ${JSON.stringify(named)}; known are ${[...new Set([...ACTIVATIONS, ...Object.keys(NAMES)])].join(', ')}.`,
      pointer,
    );
  return known;
}

function slidingWindow(family: FamilyDescription, config: Config): Pick<Architecture, 'window' | 'windowFromLayer'> {
  const rule = family.attention.sliding_window;
  if (!rule || (rule.enabled_key && config[rule.enabled_key] !== true)) return { window: null, windowFromLayer: 0 };
  const value = config[rule.key] === undefined ? rule.default : config[rule.key];
  const from = rule.from_layer_key ? config[rule.from_layer_key] : 0;
  return {
    window: typeof value === 'number' ? value : null,
    windowFromLayer: typeof from === 'number' ? from : 0,
  };
}

/** `rope_scaling` of older configs and `rope_parameters` of newer ones. */
function rotaryOf(theta: { key: string; default: number }, config: Config, pointer: string): Rotary {
  const record = (value: unknown) => (typeof value === 'object' && value !== null ? (value as Config) : {});
  const settings = { ...record(config.rope_parameters), ...record(config.rope_scaling) };
  const base = [config[theta.key], settings[theta.key]].find((value) => typeof value === 'number') ?? theta.default;
  const type = settings.rope_type ?? settings.type ?? 'default';
  const value = (key: string) => Number(settings[key]);
  if (type === 'default') return { theta: base as number, scaling: { type: 'none' } };
  if (type === 'linear') return { theta: base as number, scaling: { type, factor: value('factor') } };
  if (type === 'llama3')
    return {
      theta: base as number,
      scaling: {
        type,
        factor: value('factor'),
        low: value('low_freq_factor'),
        high: value('high_freq_factor'),
        original: value('original_max_position_embeddings'),
      },
    };
  throw new SpecError(
    'config_unsupported',
    `Rotary scaling ${JSON.stringify(type)} is not supported; default, linear and llama3 are.`,
    pointer,
  );
}

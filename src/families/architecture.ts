import { SpecError } from '../errors.js';
import { type AttentionWindow, windowOf } from './attention-window.js';
import { checkConfig } from './check-config.js';
import { type Config, ConfigReader, shown } from './config-reader.js';
import { ACTIVATIONS, type Activation, type FamilyDescription } from './description.js';
import { flagsOf, isTied, modelClass, statedTie, type TensorNames } from './model-class.js';
import { type Rotary, rotaryOf } from './rotary.js';

/** Everything a forward pass needs besides the weights: a family description with one config's numbers in it. */
export interface Architecture {
  family: string;
  /** Stock class, e.g. `LlamaForCausalLM`. */
  className: string;
  head: 'none' | 'causal' | 'masked';
  /** Whether a place sees only itself and those before it. */
  causal: boolean;
  norm: 'layer' | 'rms';
  placement: 'pre' | 'post';
  epsilon: number;
  activation: Activation;
  /** Of the transform before the decoder. */
  headActivation: Activation;
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
  window: AttentionWindow | null;
  /** Whether the decoder is the word embedding. */
  tied: boolean;
  /** Whether config.json ties the embeddings: shared vectors then have several names, whatever else is stored. */
  tieStated: boolean;
  /** Config keys that say whether tensors exist, e.g. `attention_bias`. */
  flags: Record<string, boolean>;
  /** Where places are counted past padding: the id of padding. Else null: nothing depends on it. */
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
  const { sizes } = family;
  const fallback = (key: string) => family.config?.keys[key]?.default;
  const hidden = read.size(sizes.hidden);
  const heads = read.size(sizes.heads);
  const layers = read.size(sizes.layers);
  const vocabulary = read.size(sizes.vocabulary);
  const stated = sizes.head_dim ? read.optionalSize(sizes.head_dim) : null;
  if (stated === null && hidden % heads !== 0)
    throw new SpecError(
      'config_invalid',
      `${sizes.hidden} ${hidden} is no multiple of ${sizes.heads} ${heads} and config.json states no head_dim.`,
      pointer,
    );
  const headDim = stated ?? hidden / heads;
  const kvHeads = (sizes.kv_heads && read.optionalSize(sizes.kv_heads, fallback(sizes.kv_heads))) || heads;
  if (heads % kvHeads !== 0)
    throw new SpecError(
      'config_invalid',
      `${sizes.heads} ${heads} of config.json is no multiple of ${sizes.kv_heads} ${kvHeads}: each key head serves as many query heads.`,
      pointer,
    );
  const positions = sizes.positions ? read.size(sizes.positions, fallback(sizes.positions)) : 0;
  const skipPadding = family.positions.kind === 'learned' && family.positions.offset === 'padding';
  const padId = padTokenOf(read, vocabulary, skipPadding ? positions : null);
  const activation = activationOf(family, config, pointer);
  const window = windowOf(family, read, layers, pointer);
  const { causal_key: causalKey, kind } = family.attention;
  checkConfig(family, config, pointer);
  return {
    family: family.family,
    ...modelClass(family, config, tensors, pointer),
    causal: kind === 'causal' && (!causalKey || read.boolean(causalKey, true)),
    norm: family.norm.kind,
    placement: family.norm.placement,
    epsilon: read.number(family.norm.epsilon.key, family.norm.epsilon.default, 0),
    activation,
    headActivation: family.activation.head ?? activation,
    layers,
    hidden,
    heads,
    kvHeads,
    headDim,
    ffn: intermediate(family, read, hidden),
    vocabulary,
    positions,
    types: sizes.types ? read.size(sizes.types, fallback(sizes.types)) : 0,
    positionOffset: family.positions.kind === 'rotary' ? null : skipPadding ? padId! + 1 : 0,
    positionsSkipPadding: skipPadding,
    rotary:
      family.positions.kind === 'rotary'
        ? rotaryOf(family.positions.theta, config, { headDim, positions }, pointer)
        : null,
    window,
    tied: isTied(family, config, tensors, pointer),
    tieStated: statedTie(family, config, pointer),
    flags: flagsOf(family, config, pointer),
    padId,
  };
}

function intermediate(family: FamilyDescription, read: ConfigReader, hidden: number): number {
  const { intermediate: key, intermediate_times_hidden: times } = family.sizes;
  return times === undefined ? read.size(key) : (read.optionalSize(key) ?? times * hidden);
}

/** RoBERTa's, where config.json names none. */
const COUNTED_PAD = 1;

/**
 * pad_token_id. The stock classes set a row of the word table aside for it, counted from the end where it is negative;
 * where places are counted past padding, a row of the position table too.
 */
function padTokenOf(read: ConfigReader, vocabulary: number, places: number | null): number | null {
  const key = 'pad_token_id';
  if (places !== null) return read.integer(key, COUNTED_PAD, 0, Math.min(vocabulary - 1, places - 2));
  const value = read.value(key);
  if (value !== undefined && value !== null) read.integer(key, 0, -vocabulary, vocabulary - 1);
  return null;
}

function activationOf(family: FamilyDescription, config: Config, pointer: string): Activation {
  const { key, default: fallback } = family.activation;
  const named = Object.hasOwn(config, key) ? config[key] : fallback;
  const known = typeof named === 'string' && Object.hasOwn(NAMES, named) ? NAMES[named] : undefined;
  if (!known)
    throw new SpecError(
      'activation_unsupported',
      `${key} of config.json is ${shown(named)}; known are ${[...new Set([...ACTIVATIONS, ...Object.keys(NAMES)])].join(', ')}.`,
      pointer,
    );
  return known;
}

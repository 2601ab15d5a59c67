import { SpecError } from '../errors.js';
import { MAX_GROWTH } from '../plan/growth-limit.js';
import type { Architecture } from './architecture.js';
import type { Config } from './config-reader.js';
import type { FamilyDescription } from './description.js';
import { checkHiddenGrowth } from './growth.js';
import type { Target } from './plan.js';

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

/** The sizes a target asks for, defaults filled in. */
export interface TargetSizes {
  hidden: number;
  ffn: number;
  heads: number;
  kvHeads: number;
}

/**
 * Complete and check a target. Missing sizes keep everything (the sources' sum); where head_dim is tied to
 * hidden/heads, each of the two follows from the other. Only a single source may grow.
 * @throws SpecError `width_out_of_range`, `heads_illegal`, `kv_heads_illegal`, `hidden_size_illegal`: reason and the nearest legal values
 */
export function targetSizes(family: FamilyDescription, sources: readonly Architecture[], target: Target): TargetSizes {
  const { headDim } = sources[0];
  const group = sources[0].heads / sources[0].kvHeads;
  const all = {
    hidden: sum(sources.map((s) => s.hidden)),
    ffn: sum(sources.map((s) => s.ffn)),
    heads: sum(sources.map((s) => s.heads)),
  };
  const growth = sources.length === 1 ? MAX_GROWTH : 1;
  const most = { hidden: all.hidden * growth, ffn: all.ffn * growth, heads: all.heads * growth };
  const bound = growth === 1 ? 'the sum of the sources’' : `${MAX_GROWTH} times the source’s`;
  const coupled = !family.sizes.head_dim;
  const hidden =
    target.hidden_size ?? (coupled && target.num_attention_heads ? target.num_attention_heads * headDim : all.hidden);
  const ffn = target.intermediate_size ?? all.ffn;
  const heads = target.num_attention_heads ?? (coupled ? Math.max(1, Math.floor(hidden / headDim)) : all.heads);
  inRange('hidden_size', hidden, family.norm.kind === 'layer' ? 2 : 1, most.hidden, bound);
  inRange('intermediate_size', ffn, 1, most.ffn, bound);
  inRange('num_attention_heads', heads, 1, most.heads, bound);
  if (hidden > all.hidden) checkHiddenGrowth(family, sources[0], hidden);
  if (coupled) checkCoupled(family, hidden, heads, headDim, most);
  const kvHeads = checkGroups(heads, group, target.num_key_value_heads, most.heads);
  if (hidden % heads !== 0)
    throw new SpecError(
      'heads_illegal',
      `num_attention_heads ${heads} does not divide hidden_size ${hidden}, as the stock class demands; ` +
        `nearest legal at this width: ${nearest(heads, (h) => hidden % h === 0 && h % group === 0, most.heads)}.`,
      '/target/num_attention_heads',
    );
  return { hidden, ffn, heads, kvHeads };
}

function inRange(key: keyof Target, value: number, low: number, high: number, bound: string): void {
  if (!Number.isSafeInteger(value) || value < low || value > high)
    throw new SpecError(
      'width_out_of_range',
      `${key} is ${value}; it must be an integer in ${low}…${high}, ${bound}.`,
      `/target/${key}`,
    );
}

function checkCoupled(
  family: FamilyDescription,
  hidden: number,
  heads: number,
  headDim: number,
  most: { hidden: number; heads: number },
): void {
  if (hidden === heads * headDim) return;
  const legal = nearest(hidden, (width) => width % headDim === 0 && width / headDim <= most.heads, most.hidden);
  throw new SpecError(
    'hidden_size_illegal',
    `hidden_size ${hidden} is not num_attention_heads ${heads} × head_dim ${headDim}: ${family.family} has no head_dim of its own, ` +
      `and heads keep the sources' size. Nearest legal hidden_size: ${legal}; or num_attention_heads ${nearest(heads, (h) => h === hidden / headDim, most.heads) || 'of another hidden_size'}.`,
    '/target/hidden_size',
  );
}

function checkGroups(heads: number, group: number, stated: number | undefined, most: number): number {
  if (heads % group !== 0)
    throw new SpecError(
      'kv_heads_illegal',
      `num_attention_heads ${heads} is no multiple of the group size ${group}: key-value groups are kept whole; ` +
        `nearest legal: ${nearest(heads, (h) => h % group === 0, most)}.`,
      '/target/num_attention_heads',
    );
  if (stated !== undefined && stated !== heads / group)
    throw new SpecError(
      'kv_heads_illegal',
      `num_key_value_heads ${stated} would change the group size ${group}; with ${heads} heads it must be ${heads / group}.`,
      '/target/num_key_value_heads',
    );
  return heads / group;
}

/** The closest legal values below and above, as text. */
export function nearest(value: number, legal: (candidate: number) => boolean, most: number): string {
  const found: number[] = [];
  for (let v = Math.min(Math.floor(value), most); v >= 1; v--)
    if (legal(v)) {
      found.push(v);
      break;
    }
  for (let v = Math.ceil(value) + (found.includes(Math.ceil(value)) ? 1 : 0); v <= most; v++)
    if (legal(v)) {
      found.push(v);
      break;
    }
  return found.join(' or ');
}

/** Keys of a source's config.json that say how it was made, loaded or stored, which is not how the result is. */
const OF_THE_SOURCE = [
  '_name_or_path',
  'transformers_version',
  'dtype',
  'auto_map',
  'custom_pipelines',
  'quantization_config',
  'compression_config',
];

/**
 * config.json of the result: source 1's with the new sizes, the class that is made, the flags that its tensors ask for,
 * and a decoder of its own; `epsilon` where it is another than source 1's.
 */
export function targetConfig(
  family: FamilyDescription,
  config: Config,
  sizes: TargetSizes,
  { sources, dtype, epsilon }: { sources: readonly Architecture[]; dtype: string; epsilon: number | null },
): Config {
  const { sizes: keys } = family;
  const [{ className, head, headDim, flags }] = sources;
  const kept = Object.entries(config).filter(([key]) => !OF_THE_SOURCE.includes(key));
  // A bias that any source has is in the result, zeros where another has none.
  const set = Object.keys(flags).filter((key) => sources.some((source) => source.flags[key]));
  return {
    ...Object.fromEntries(kept),
    architectures: [className],
    [keys.hidden]: sizes.hidden,
    [keys.intermediate]: sizes.ffn,
    [keys.heads]: sizes.heads,
    ...(keys.kv_heads ? { [keys.kv_heads]: sizes.kvHeads } : {}),
    ...(keys.head_dim ? { [keys.head_dim]: headDim } : {}),
    ...(epsilon === null ? {} : { [family.norm.epsilon.key]: epsilon }),
    ...Object.fromEntries(set.map((key) => [key, true])),
    // A base model has no decoder to tie: a head that is put on it later is tied as the source's was.
    ...(head === 'none' ? {} : { [family.tie.key]: false }),
    torch_dtype: dtype,
  };
}

/** What one tokenizer file says, whatever its order and formatting. */
export interface Meaning {
  /** Id of each token, added ones included; in a list without ids, its place. */
  vocabulary?: ReadonlyMap<string, number>;
  /** Score (and kind) of each id of a unigram model. */
  scores?: readonly string[];
  /** Pairs by rank. */
  merges?: readonly string[];
  /** Every other part by its name, e.g. `normalizer`, as canonical JSON. */
  parts: ReadonlyMap<string, string>;
}

type Json = Record<string, unknown>;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** JSON with the keys of every object in order, and without those whose value is null. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (!isObject(value)) return JSON.stringify(value ?? null);
  const entries = Object.entries(value).filter(([, one]) => one !== null && one !== undefined);
  return `{${entries
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, one]) => `${JSON.stringify(key)}:${canonical(one)}`)
    .join(',')}}`;
}

/** What a model of `tokenizer.json` is where the file does not say. */
const MODEL_DEFAULTS: Json = {
  fuse_unk: false,
  byte_fallback: false,
  ignore_merges: false,
  max_input_chars_per_word: 100,
};
/** Of training, and of what is compared by itself. */
const NO_MODEL_PARTS = new Set(['vocab', 'merges', 'dropout', 'type']);
/** `tokenizer.json` beside model and added tokens; truncation and padding are how it was last called. */
const PARTS = ['normalizer', 'pre_tokenizer', 'post_processor', 'decoder'];

/** tokenizer.json of the tokenizers library. Of another shape it is compared whole. */
export function tokenizerMeaning(json: unknown): Meaning {
  if (!isObject(json) || !isObject(json.model)) return { parts: new Map([['content', canonical(json)]]) };
  const { model } = json;
  const parts = new Map<string, string>();
  for (const part of PARTS) parts.set(part, canonical(current(json[part])));
  // An affix of nothing is none.
  for (const [key, value] of Object.entries({ ...MODEL_DEFAULTS, ...model }))
    if (!NO_MODEL_PARTS.has(key) && value !== null && value !== '') parts.set(`model.${key}`, canonical(value));
  const { vocabulary, scores } = vocabularyOf(model.vocab);
  for (const added of Array.isArray(json.added_tokens) ? json.added_tokens.filter(isObject) : []) {
    const content = String(added.content);
    vocabulary.set(content, Number(added.id));
    parts.set(`added token ${shown(content)}`, canonical(added));
  }
  return { vocabulary, scores, merges: mergesOf(model.merges), parts };
}

/** A component as today's library writes it: older files leave out what had no choice then. */
function current(part: unknown): unknown {
  if (Array.isArray(part)) return part.map(current);
  if (!isObject(part)) return part;
  const { trim_offsets, str_rep, add_prefix_space, ...rest } = part;
  const nested = Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, current(value)]));
  if (part.type === 'ByteLevel') return { add_prefix_space: add_prefix_space ?? true, use_regex: true, ...nested };
  if (part.type === 'Metaspace')
    return { prepend_scheme: add_prefix_space === false ? 'never' : 'always', split: true, ...nested };
  return add_prefix_space === undefined ? nested : { ...nested, add_prefix_space };
}

function vocabularyOf(vocab: unknown): { vocabulary: Map<string, number>; scores?: string[] } {
  if (isObject(vocab)) return { vocabulary: idsOf(vocab) };
  if (!Array.isArray(vocab)) return { vocabulary: new Map() };
  const pairs = vocab.filter(Array.isArray) as [unknown, unknown][];
  return {
    vocabulary: new Map(pairs.map(([token], id) => [String(token), id])),
    scores: pairs.map(([, score]) => String(score)),
  };
}

/** `[["a", "b"], …]` of new files and `["a b", …]` of old ones. */
const mergesOf = (merges: unknown): string[] | undefined =>
  Array.isArray(merges)
    ? merges.map((pair) => (Array.isArray(pair) ? pair.map(String).join(' ') : String(pair)))
    : undefined;

const idsOf = (json: Json): Map<string, number> =>
  new Map(Object.entries(json).map(([token, id]) => [token, Number(id)]));

/** vocab.json, added_tokens.json: `{"token": id}`. */
export const tokenIds = (json: unknown): Meaning =>
  isObject(json) ? { vocabulary: idsOf(json), parts: new Map() } : { parts: new Map([['content', canonical(json)]]) };

const linesOf = (text: string) => text.replace(/\r?\n$/, '').split(/\r?\n/);

/** vocab.txt: a token a line. */
export const vocabularyLines = (text: string): Meaning => ({
  vocabulary: new Map(linesOf(text).map((token, id) => [token, id])),
  parts: new Map(),
});

/** merges.txt: a pair a line, behind a line with the version. */
export const mergeLines = (text: string): Meaning => ({
  merges: linesOf(text).filter((line, i) => line !== '' && !(i === 0 && line.startsWith('#version'))),
  parts: new Map(),
});

const SPECIAL = ['bos', 'eos', 'unk', 'sep', 'pad', 'cls', 'mask'].map((role) => `${role}_token`);
/** Settings of tokenizers without a tokenizer.json that change which ids a text gets. */
const SETTINGS = [
  'do_lower_case',
  'strip_accents',
  'tokenize_chinese_chars',
  'add_prefix_space',
  'add_bos_token',
  'add_eos_token',
];

/** tokenizer_config.json and special_tokens_map.json: special tokens by their text, settings, ids of added tokens. */
export function settingsMeaning(json: unknown): Meaning {
  const parts = new Map<string, string>();
  if (!isObject(json)) return { parts };
  for (const role of SPECIAL) {
    const value = json[role];
    const content = isObject(value) ? value.content : value;
    if (typeof content === 'string') parts.set(role, canonical(content));
  }
  for (const key of SETTINGS) if (typeof json[key] === 'boolean') parts.set(key, String(json[key]));
  if (!isObject(json.added_tokens_decoder)) return { parts };
  const added = Object.entries(json.added_tokens_decoder).map(
    ([id, token]) => [String(isObject(token) ? token.content : token), Number(id)] as const,
  );
  return { vocabulary: new Map(added), parts };
}

/** A token in a message: quoted, control characters escaped, cut. */
export const shown = (token: string): string => {
  const text = JSON.stringify(token.length > 60 ? `${token.slice(0, 60)}…` : token);
  return text.replace(
    /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
};

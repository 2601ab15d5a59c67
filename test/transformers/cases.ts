import type { JobSpecInput } from '../../src/schemas/job-spec.js';
import type { TokenProbe } from '../../src/schemas/probe.js';

type Target = NonNullable<JobSpecInput['target']>;

/** One result, and the models it is made of (models.py). */
export interface Case {
  name: string;
  sources: string[];
  spec: Pick<JobSpecInput, 'target' | 'method' | 'output' | 'source_weights'>;
  /** Leave out tensors that the family does not know; by default such a model is refused. */
  drop?: boolean;
  /** It computes what its one source computes. */
  exact: boolean;
  dtype: 'float64' | 'float32' | 'float16' | 'bfloat16';
}

/** The models that a single source is widened from: all of them, but for those that are here for their second half. */
const GROWN: Record<string, Target> = {
  bert: { hidden_size: 64, num_attention_heads: 8, intermediate_size: 72 },
  roberta: { hidden_size: 64, num_attention_heads: 8, intermediate_size: 72 },
  gpt2: { hidden_size: 48, num_attention_heads: 6, intermediate_size: 160 },
  llama: { hidden_size: 48, num_attention_heads: 6, intermediate_size: 72 },
};
const SHRUNK: Record<string, Target> = {
  bert: { hidden_size: 24, num_attention_heads: 3, intermediate_size: 40 },
  roberta: { hidden_size: 24, num_attention_heads: 3, intermediate_size: 40 },
  gpt2: { hidden_size: 24, num_attention_heads: 3, intermediate_size: 100 },
  llama: { hidden_size: 24, num_attention_heads: 2, intermediate_size: 40 },
};
const MERGED: Record<string, Target> = {
  ...GROWN,
  bert: { hidden_size: 48, num_attention_heads: 6, intermediate_size: 72 },
  roberta: { hidden_size: 48, num_attention_heads: 6, intermediate_size: 72 },
};

export const isMasked = (model: string) => /bert/.test(model);
export const isHeadless = (model: string) => /headless|no-pooler/.test(model);

/** Sizes by family; mistral and qwen2 are built like llama. */
function sizes(of: Record<string, Target>, model: string): Target {
  const family = model.startsWith('xlm-') ? 'roberta' : model.split('-')[0];
  return of[family] ?? of.llama;
}

const HALVES: Record<string, Case['dtype']> = {
  'bert-float16': 'float16',
  'qwen2-float16': 'float16',
  'llama-bfloat16': 'bfloat16',
};

const SINGLE = [
  ...['bert', 'bert-untied', 'bert-headless', 'bert-no-pooler', 'bert-settings', 'bert-original', 'bert-float16'],
  ...['roberta', 'roberta-untied', 'roberta-headless', 'roberta-original', 'xlm-roberta'],
  ...['gpt2', 'gpt2-untied', 'gpt2-headless', 'gpt2-without-prefix', 'gpt2-original', 'gpt2-settings'],
  ...['llama', 'llama-tied', 'llama-headless', 'llama-grouped', 'llama-biases', 'llama-settings', 'llama-bfloat16'],
  ...[
    'llama-rope-llama3',
    'llama-rope-linear',
    'llama-original',
    'llama-old-linear',
    'llama-old-llama3',
    'llama-bidirectional',
    'llama-two-thetas',
    'llama-llama3-default',
  ],
  ...['mistral', 'mistral-no-window', 'mistral-old', 'mistral-headless'],
  ...['qwen2', 'qwen2-tied', 'qwen2-headless', 'qwen2-window', 'qwen2-layer-types', 'qwen2-old', 'qwen2-float16'],
];
const FAMILIES = ['bert', 'roberta', 'gpt2', 'llama', 'mistral', 'qwen2'];
const TOKENS = { checkpoint: 'tokens', file: 'tokens.safetensors', tensor: 'calibration' };

const grown = (model: string, more: Partial<Case> = {}): Case => ({
  name: `${model}, wider`,
  sources: [model],
  exact: true,
  dtype: HALVES[model] ?? 'float32',
  ...more,
  spec: { target: sizes(GROWN, model), ...more.spec },
});
const made = (how: string, sources: string[], spec: Case['spec'], dtype: Case['dtype'] = 'float32'): Case => ({
  name: `${sources.join(' + ')}, ${how}`,
  sources,
  exact: false,
  dtype,
  spec: { target: sizes(sources.length === 1 ? SHRUNK : MERGED, sources[0]), ...spec },
});
const pair = (family: string) => [family, `${family}-b`];

export const CASES: Case[] = [
  ...SINGLE.map((model) => grown(model, { drop: model === 'bert-original' })),
  ...['gpt2', 'llama', 'bert'].map((model) =>
    grown(model, { name: `${model}, wider with zeros`, spec: { method: { padding: 'zero' } } }),
  ),
  grown('qwen2-old', {
    name: 'qwen2-old, a wider stream only',
    spec: { target: { hidden_size: 64, num_attention_heads: 4 } },
  }),
  grown('llama-original', { name: 'llama-original, more heads only', spec: { target: { num_attention_heads: 8 } } }),
  grown('gpt2', { name: 'gpt2, more units only', spec: { target: { intermediate_size: 200 } } }),
  grown('llama', { name: 'llama, wider in bfloat16', dtype: 'bfloat16', spec: { output: { dtype: 'bfloat16' } } }),
  grown('bert', { name: 'bert, wider in float16', dtype: 'float16', spec: { output: { dtype: 'float16' } } }),
  grown('llama-bfloat16', {
    name: 'llama-bfloat16, wider in float32',
    dtype: 'float32',
    spec: { output: { dtype: 'float32' } },
  }),
  ...['gpt2', 'roberta', 'qwen2'].map((model) =>
    grown(model, { name: `${model}, wider in shards`, spec: { output: { max_shard_size: 20_000 } } }),
  ),
  ...FAMILIES.map((family) => made('narrower', [family], {})),
  ...FAMILIES.map((family) => made('closed form', pair(family), {})),
  ...FAMILIES.map((family) => made('calibrated', pair(family), { method: { calibration: TOKENS } })),
  ...['bert', 'llama'].map((family) =>
    made('calibrated on their own text', pair(family), {
      method: { calibration: { generate: { sequences: 32, length: 16 } } },
    }),
  ),
  ...['gpt2', 'mistral'].map((family) => made('balanced', pair(family), { method: { basis: 'balanced' } })),
  ...['roberta', 'qwen2'].map((family) =>
    made('basis of activations', pair(family), {
      method: { basis: 'activation', fit: 'closed_form', calibration: TOKENS },
    }),
  ),
  made('closed form', pair('bert-headless'), {}),
  made('calibrated', pair('bert-headless'), { method: { calibration: TOKENS } }),
  made('narrower', ['gpt2-headless'], {}),
  made('narrower', ['llama-headless'], {}),
  made('closed form', ['llama', 'llama-biases'], {}),
  made('closed form', ['llama-biases', 'llama'], {}),
  made('calibrated', ['llama', 'llama-biases'], { method: { calibration: TOKENS } }),
  made('calibrated', ['llama-biases', 'llama'], { method: { calibration: TOKENS } }),
  made('closed form', ['bert-headless', 'bert-no-pooler'], {}),
  made('closed form', ['bert-no-pooler', 'bert-headless'], {}),
  made('closed form', ['bert', 'bert-untied'], {}),
  made('closed form', ['bert-untied', 'bert'], {}),
  made('closed form', ['llama-tied', 'llama'], {}),
  made('closed form', ['gpt2-without-prefix', 'gpt2'], {}),
  made('closed form', ['gpt2', 'gpt2-original'], {}),
  { ...made('calibrated', ['bert-original', 'bert'], { method: { calibration: TOKENS } }), drop: true },
  made('closed form', ['llama-original', 'llama'], {}),
  made(
    'calibrated, in shards',
    pair('llama-bfloat16'),
    { method: { calibration: TOKENS }, output: { max_shard_size: 20_000 } },
    'bfloat16',
  ),
  made('closed form, in float16', pair('mistral'), { output: { dtype: 'float16' } }, 'float16'),
  made('closed form, in float64', pair('qwen2'), { output: { dtype: 'float64' } }, 'float64'),
  made('closed form, three', ['llama', 'llama-tied', 'llama-b'], { source_weights: [0.5, 0.25, 0.25] }),
  made('calibrated, three', ['gpt2', 'gpt2-untied', 'gpt2-b'], {
    source_weights: [0.6, 0.1, 0.3],
    method: { calibration: { ...TOKENS, tensor: 'padded.0', attention_mask: 'padding' } },
  }),
  made('closed form', ['llama-bfloat16', 'llama'], {}),
];

/** Tokens that a case is evaluated on, by the service and by the library. */
export function probesOf({ sources: [model] }: Case): TokenProbe[] {
  const file = { checkpoint: TOKENS.checkpoint, file: TOKENS.file };
  if (isHeadless(model)) return [{ ...file, ids: 'ids' }];
  if (!isMasked(model))
    return [
      { ...file, ids: 'ids' },
      { ...file, ids: 'padded.0', attention_mask: 'padding' },
    ];
  const ids = model.startsWith('bert') ? 'masked.0' : 'masked.1';
  return [{ ...file, ids, attention_mask: 'padding', labels: 'ids', mask: 'masked' }];
}

import { availableParallelism } from 'node:os';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { JobSpecInput } from '../../src/schemas/job-spec.js';
import type { TransformerMetrics } from '../../src/schemas/metrics.js';
import { runJob, startService, type TestService, upload } from '../support/service.js';
import { subfolder, temporaryFolder } from '../support/temporary.js';

// The figures of docs/transformers.md beyond those of the ordinary tests, through the service: each takes minutes.
const FIXTURES = new URL('../fixtures/', import.meta.url).pathname;
const HOUR_S = 3600;
const root = temporaryFolder();
const tokens = { checkpoint: 'tokens', file: 'tokens.safetensors' };
let service: TestService;

beforeAll(async () => {
  service = await startService(subfolder(root), { env: { COMPUTE_THREADS: String(availableParallelism()) } });
  for (const name of ['llama-a', 'llama-b', 'bert-a', 'bert-b'])
    for (const file of ['model.safetensors', 'config.json'])
      await upload(service.http, name, `${FIXTURES}${name}/${file}`, file);
  await upload(service.http, 'tokens', `${FIXTURES}tokens.safetensors`, 'tokens.safetensors');
});
afterAll(() => service?.close());

type Family = 'bert' | 'llama';

const probe = (family: Family) =>
  ['eng', 'code'].map((name) =>
    family === 'llama'
      ? { ...tokens, name, ids: `llama.eval.${name}` }
      : {
          ...tokens,
          name,
          ids: `bert.eval.${name}.ids`,
          labels: `bert.eval.${name}.labels`,
          mask: `bert.eval.${name}.mask`,
        },
  );

const fromFile = (family: Family) => ({ calibration: { ...tokens, tensor: `${family}.calibration.ids` } });

const generated = (sequences: number) => () => ({ calibration: { generate: { sequences } } });

/** Mean loss of the result over both domains. */
async function lossOf(
  family: Family,
  [hidden_size, num_attention_heads, intermediate_size]: number[],
  method: JobSpecInput['method'],
): Promise<number> {
  const job = await runJob(
    service.http,
    {
      sources: ['a', 'b'].map((name) => ({ checkpoint: `${family}-${name}` })),
      model: { family: 'auto' },
      target: { hidden_size, num_attention_heads, intermediate_size },
      method,
      probe: probe(family),
    },
    HOUR_S,
  );
  expect(job.error).toBeNull();
  const metrics = (await service.http.get(`/v1/jobs/${job.id}/metrics`).expect(200)).body as TransformerMetrics;
  const loss = metrics.end_to_end.result_loss as number;
  console.log(family, hidden_size, num_attention_heads, intermediate_size, JSON.stringify(method), loss);
  return loss;
}

it.each<[string, Family, number[], (family: Family) => JobSpecInput['method'], number]>([
  ['calibrated', 'bert', [256, 8, 1024], fromFile, 1.72],
  ['calibrated', 'llama', [192, 6, 528], fromFile, 1.65],
  ['calibrated', 'llama', [256, 8, 704], fromFile, 1.46],
  ['calibrated on text the sources wrote', 'bert', [192, 6, 768], generated(256), 1.8],
  ['calibrated on text the sources wrote', 'llama', [192, 8, 704], generated(512), 1.52],
])(
  '%s, %s to %j: mean loss within its bound',
  async (_, family, target, method, bound) => {
    expect(await lossOf(family, target, method(family))).toBeLessThanOrEqual(bound);
  },
  HOUR_S * 1000,
);

import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { layerName, notebookData, notebookModel, writeNotebookModel } from '../../dist/src/quickstart/notebook-data.js';
import { SafetensorsWriter } from '../../dist/src/safetensors/writer.js';
import { POLL_MS, root } from '../service.mjs';

const TOKENS = { checkpoint: 'tokens', file: 'tokens.safetensors' };
const text = (name, ids) => ({ name, ...TOKENS, ids });

/**
 * One job of each kind there is something to see of, or of the `wanted` ones; returns their ids once all that can end
 * have ended.
 */
export async function seed(client, work, wanted) {
  await uploadCheckpoints(client, work);
  const sources = [{ checkpoint: 'mlp-a' }, { checkpoint: 'mlp-b' }];
  const bare = { family: 'chain', layers: [0, 1, 2].map((l) => ({ weight: layerName(l) })) };
  const transformer = {
    labels: { team: 'language' },
    sources: [{ checkpoint: 'llama-a' }, { checkpoint: 'llama-b' }],
    model: { family: 'auto' },
    probe: [text('English', 'llama.eval.eng'), text('code', 'llama.eval.code')],
  };
  const specs = {
    chain: { name: 'two networks to 768', labels: { team: 'vision', run: '12' }, sources, model: notebookModel() },
    balanced: {
      name: 'the same, balanced',
      labels: { team: 'vision' },
      sources,
      model: notebookModel(),
      method: { basis: 'balanced' },
    },
    embedding: {
      name: 'halves of an embedding',
      sources: [
        { checkpoint: 'bert', columns: [0, 64] },
        { checkpoint: 'bert', columns: [64, 128] },
      ],
      model: { family: 'embedding', tensor: 'bert.embeddings.word_embeddings.weight', width: 96 },
    },
    comparison: { name: 'methods at three widths', sources, model: bare, compare: { widths: [0.5, 0.75, 0.9] } },
    failed: {
      name: 'to half precision',
      sources: [{ checkpoint: 'large' }],
      model: { family: 'embedding', tensor: 'table', width: 3 },
      output: { dtype: 'float16' },
    },
    transformer: {
      ...transformer,
      name: 'English and code, to 192',
      target: { hidden_size: 192, num_attention_heads: 8, intermediate_size: 704 },
    },
    calibrated: {
      ...transformer,
      name: 'English and code, six heads, calibrated',
      target: { hidden_size: 192, num_attention_heads: 6, intermediate_size: 528 },
      method: { calibration: { ...TOKENS, tensor: 'llama.calibration.ids' } },
    },
    waiting: {
      name: 'on a GPU',
      sources,
      model: notebookModel(),
      compute: { backend: 'cuda' },
      labels: { team: 'vision' },
    },
  };
  const jobs = {};
  for (const [name, spec] of Object.entries(specs))
    if (!wanted || wanted.includes(name)) jobs[name] = (await client.submit(spec)).id;
  for (const [name, id] of Object.entries(jobs)) {
    if (name === 'waiting') continue;
    while (['queued', 'running'].includes((await client.job(id)).status)) await sleep(POLL_MS);
  }
  return jobs;
}

async function uploadCheckpoints(client, work) {
  const { a, b } = notebookData();
  for (const [name, weights] of Object.entries({ 'mlp-a': a, 'mlp-b': b })) {
    const file = path.join(work, `${name}.safetensors`);
    await writeNotebookModel(file, weights);
    await client.upload(name, 'model.safetensors', file);
  }
  const fixtures = path.join(root, 'test', 'fixtures');
  for (const name of ['llama-a', 'llama-b'])
    for (const file of ['config.json', 'model.safetensors'])
      await client.upload(name, file, path.join(fixtures, name, file));
  await client.upload('bert', 'model.safetensors', path.join(fixtures, 'bert-a', 'model.safetensors'));
  await client.upload('tokens', 'tokens.safetensors', path.join(fixtures, 'tokens.safetensors'));
  await client.upload('large', 'model.safetensors', await overflowing(path.join(work, 'large.safetensors')));
}

/** A table with values that float16 cannot hold: how a job that fails looks. */
async function overflowing(file) {
  const writer = await SafetensorsWriter.create(file, [{ name: 'table', dtype: 'F32', shape: [64, 4] }]);
  const values = Float32Array.from({ length: 256 }, (_, n) => Math.sin(n * n) * 1e6);
  await writer.write(new Uint8Array(values.buffer));
  await writer.finish();
  return file;
}

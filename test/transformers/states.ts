import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { CheckpointReader } from '../../src/checkpoints/reader.js';
import { planTransformer } from '../../src/families/plan-transformer.js';
import { encodeFloats } from '../../src/safetensors/dtype.js';
import { writeSafetensors } from '../../src/safetensors/write-file.js';
import type { TokenProbe } from '../../src/schemas/probe.js';
import { CpuBackend } from '../../workers/linalg/cpu/backend.js';
import { forward, readIntegers, sourceModels, type Tokens } from '../../workers/transformer/index.js';

const la = new CpuBackend(2);

/**
 * Run the service's own forward pass on a model folder and write what it computes: `logits` [rows, tokens, vocabulary]
 * and `hidden.K` [rows, tokens, hidden], numbered as transformers numbers them: 0 after the embeddings, n after layer n,
 * the last one after the last norm.
 */
export async function writeStates(
  folder: string,
  tokensFile: string,
  probe: TokenProbe,
  target: string,
): Promise<void> {
  const reader = await CheckpointReader.open(folder);
  try {
    const config = JSON.parse(await readFile(path.join(folder, 'config.json'), 'utf8'));
    const plan = planTransformer({ sources: [{ label: folder, config, tensors: reader.tensors }], target: {} });
    const [model] = sourceModels(plan, [reader], la);
    const { hidden, layers, placement, vocabulary } = model.architecture;
    const tokens = await readTokens(tokensFile, probe);
    const states = new Map<string, { width: number; values: Float32Array }>();
    const logits = await forward(la, model, tokens, ({ k, stream, normed }) => {
      const after = placement === 'post' || k === 2 * layers ? normed : stream;
      if (k % 2 === 0) states.set(`hidden.${k / 2}`, { width: hidden, values: Float32Array.from(after) });
    });
    if (logits) states.set('logits', { width: vocabulary, values: Float32Array.from(await la.download(logits)) });
    const specs = [...states].map(([name, { width }]) => ({
      name,
      dtype: 'F32' as const,
      shape: [tokens.rows, tokens.length, width],
    }));
    await writeSafetensors(target, specs, async (writer) => {
      for (const { values } of states.values()) await writer.write(encodeFloats(values, 'F32'));
    });
  } finally {
    await reader.close();
  }
}

async function readTokens(file: string, { ids, attention_mask }: TokenProbe): Promise<Tokens> {
  const reader = await CheckpointReader.openFiles([file]);
  try {
    const { values, rows, columns } = await readIntegers(reader, ids);
    const mask = attention_mask && (await readIntegers(reader, attention_mask)).values;
    return { ids: values, rows, length: columns, ...(mask && { attention: Uint8Array.from(mask) }) };
  } finally {
    await reader.close();
  }
}

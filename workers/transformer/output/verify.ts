import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { CheckpointReader } from '../../../src/checkpoints/reader.js';
import { DataError } from '../../../src/errors.js';
import { architectureOf } from '../../../src/families/architecture.js';
import { bindTensors } from '../../../src/families/binding.js';
import type { Config } from '../../../src/families/config-reader.js';
import type { TransformerPlan } from '../../../src/families/plan.js';
import { LARGEST_HEADER_BYTES } from '../../../src/safetensors/header.js';
import type { LinearAlgebra } from '../../linalg/contract.js';
import type { Tokens } from '../forward/batch.js';
import { forward } from '../forward/run.js';
import { checkFinite, storedModel } from '../model.js';

/** Sequences and tokens of the forward pass that a result must survive. */
const CHECK_ROWS = 2;
const CHECK_LENGTH = 16;

/**
 * Open a written result like a stranger would: config.json alone says what every tensor must be, each is compared with
 * it and with the plan, and a forward pass on fixed ids must be finite.
 * @throws DataError `output_invalid` naming the tensor and what is wrong with it
 */
export async function verifyOutput(
  plan: TransformerPlan,
  directory: string,
  la: LinearAlgebra,
): Promise<{ tensors: number; bytes: number }> {
  const config = JSON.parse(await readFile(path.join(directory, 'config.json'), 'utf8')) as Config;
  const reader = await CheckpointReader.open(directory, LARGEST_HEADER_BYTES);
  try {
    const architecture = architectureOf(plan.description, config, '/output');
    const { bindings, extra } = bindTensors(plan.description, architecture, reader.tensors, '/output');
    const expected = new Map(plan.tensors.map((t) => [t.name, t]));
    const kept = new Set(plan.extra_tensors.kept);
    for (const name of extra)
      if (!kept.has(name))
        throw new DataError('output_invalid', `The result holds "${name}", which its family does not know.`);
    for (const [name, info] of reader.tensors) {
      const wanted = expected.get(name);
      if (!wanted || wanted.dtype !== info.dtype || wanted.shape.join() !== info.shape.join())
        throw new DataError(
          'output_invalid',
          `Tensor "${name}" is ${info.dtype} [${info.shape}]; planned was ${wanted ? `${wanted.dtype} [${wanted.shape}]` : 'none'}.`,
        );
      expected.delete(name);
    }
    for (const name of expected.keys())
      throw new DataError('output_invalid', `Tensor "${name}" was planned but not written.`);
    const model = storedModel(architecture, reader, bindings, la);
    let end = new Float32Array(0);
    const room = architecture.positions - (architecture.positionsSkipPadding ? architecture.positionOffset! : 0);
    const tokens = checkTokensFor(architecture.vocabulary, Math.min(CHECK_LENGTH, room));
    const logits = await forward(la, model, tokens, async ({ k, normed }) => {
      end = normed as Float32Array<ArrayBuffer>;
      // a layer that is done with is dropped: checking a model must not need its whole size in memory
      if (k > 0 && k % 2 === 0) await model.release(k - 1);
    });
    await checkFinite(la, logits ?? la.upload(end, 1, end.length), 'output of a forward pass');
    return { tensors: reader.tensors.size, bytes: reader.files.reduce((sum, file) => sum + file.size, 0) };
  } finally {
    await reader.close();
  }
}

/** Ids spread over the vocabulary: no draw, the same on every run. */
function checkTokensFor(vocabulary: number, length: number): Tokens {
  const ids = Int32Array.from({ length: CHECK_ROWS * length }, (_, i) => (i * 7919) % vocabulary);
  return { ids, rows: CHECK_ROWS, length };
}

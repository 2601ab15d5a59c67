import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { SafetensorsWriter } from '../../dist/src/safetensors/writer.js';

/** The sources that the examples of the contract name, as small as their widths allow. */
const network = [
  ['layers.0.weight', [384, 8]],
  ['layers.0.bias', [384]],
  ['layers.1.weight', [1536, 384]],
  ['layers.2.weight', [4, 1536]],
];
const CHECKPOINTS = { a: network, b: network, bert: [['bert.embeddings.word_embeddings.weight', [16, 768]]] };

/** Upload the checkpoints of the contract's examples, so that these run. @param put stores bytes as a file of a checkpoint */
export async function seed(work, put) {
  let n = 0;
  for (const [name, tensors] of Object.entries(CHECKPOINTS)) {
    const file = path.join(work, `${name}.safetensors`);
    const writer = await SafetensorsWriter.create(
      file,
      tensors.map(([tensor, shape]) => ({ name: tensor, dtype: 'F32', shape })),
    );
    for (const [, shape] of tensors) {
      const values = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => Math.sin(++n * n));
      await writer.write(new Uint8Array(values.buffer));
    }
    await writer.finish();
    await put(name, 'model.safetensors', await readFile(file));
  }
}

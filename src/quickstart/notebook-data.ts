import { Mt19937, uniformMatrix } from '../random/mt19937.js';
import { encodeFloats } from '../safetensors/dtype.js';
import { writeSafetensors } from '../safetensors/write-file.js';

const NOTEBOOK_SEED = 33;
const ROWS = 32;
/** Layers of the notebook's models, [out, in]. */
const LAYERS = [
  [512, 1000],
  [2048, 512],
  [1000, 2048],
] as const;

export const layerName = (l: number) => `layers.${l}.weight`;

/**
 * The notebook's data: MT19937 seeded 33, uniforms of 24 bits, drawn in the order x1, x2 (÷√1000), then layer by layer
 * A and B (÷√out).
 */
export function notebookData(): { x: Float32Array[]; a: Float32Array[]; b: Float32Array[] } {
  const random = new Mt19937(NOTEBOOK_SEED);
  const inputs = LAYERS[0][1];
  const x = [0, 1].map(() => uniformMatrix(random, ROWS * inputs, inputs));
  const [a, b]: Float32Array[][] = [[], []];
  for (const [out, into] of LAYERS) for (const model of [a, b]) model.push(uniformMatrix(random, out * into, out));
  return { x, a, b };
}

/** Write one of the two models as a checkpoint file. */
export async function writeNotebookModel(file: string, weights: readonly Float32Array[]): Promise<void> {
  const tensors = LAYERS.map(([out, into], l) => ({ name: layerName(l), dtype: 'F32' as const, shape: [out, into] }));
  await writeSafetensors(file, tensors, async (writer) => {
    for (const values of weights) await writer.write(encodeFloats(values, 'F32'));
  });
}

/** The notebook's chain at its own widths. */
export const notebookModel = (w0 = 768, w1 = 3072) => ({
  family: 'chain' as const,
  layers: [{ weight: layerName(0), width: w0 }, { weight: layerName(1), width: w1 }, { weight: layerName(2) }],
});

import type { Checkpoint } from '../api/types.js';
import type { JsonObject } from './json-path.js';
import { chainOf, commonTensors, embeddingOf, layerOf } from './recognise.js';

export type Family = 'auto' | 'chain' | 'embedding';

/** Parts of a spec that fit sources of a family, to start from: model and, for whole transformers, target. */
export function offerModel(
  family: Family,
  sources: readonly Checkpoint[],
): { model: JsonObject; target: JsonObject | undefined } {
  const matrices = commonTensors(sources, 2);
  const table = embeddingOf(matrices);
  const together = (table?.shapes ?? []).reduce((sum, [, width]) => sum + width, 0);
  if (family === 'auto')
    return { model: { family }, target: together > 0 ? { hidden_size: Math.round(together * 0.75) } : undefined };
  if (family === 'embedding')
    return {
      model: { family, tensor: table?.name ?? '', width: Math.max(1, Math.round(together * 0.75)) },
      target: undefined,
    };
  const vectors = commonTensors(sources, 1);
  const chain = chainOf(matrices);
  const layers = chain.map((layer, n) => layerOf(layer, vectors, n === chain.length - 1));
  return { model: { family, layers }, target: undefined };
}

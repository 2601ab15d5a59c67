import type { Checkpoint } from '../api/types.js';
import type { JsonObject } from './json-path.js';

export interface Tensor {
  name: string;
  /** Shape in each source. */
  shapes: number[][];
}

const natural = new Intl.Collator('en', { numeric: true }).compare;

/** Tensors that every source has, by name in natural order; `rank` extents in each. */
export function commonTensors(sources: readonly Checkpoint[], rank: number): Tensor[] {
  const [first, ...others] = sources.map(({ tensors }) => new Map(tensors.map(({ name, shape }) => [name, shape])));
  if (!first) return [];
  return [...first]
    .map(([name, shape]) => ({ name, shapes: [shape, ...others.map((other) => other.get(name) ?? [])] }))
    .filter(({ shapes }) => shapes.every((shape) => shape.length === rank))
    .sort((a, b) => natural(a.name, b.name));
}

const outputs = ({ shapes }: Tensor) => shapes.map(([out]) => out);
const inputs = ({ shapes }: Tensor) => shapes.map(([, into]) => into);
const same = (a: readonly number[], b: readonly number[]) => a.every((value, n) => value === b[n]);

/** Whether `next` can be applied to what `layer` gives, in every source. */
export const follows = (layer: Tensor, next: Tensor) => same(outputs(layer), inputs(next));

/** Weights that can be applied one after the other, in natural order of their names. */
export function chainOf(matrices: readonly Tensor[]): Tensor[] {
  const chain: Tensor[] = [];
  for (const matrix of matrices) {
    const last = chain.at(-1);
    if (!last || follows(last, matrix)) chain.push(matrix);
  }
  return chain;
}

/** The bias that belongs to a weight by its name and length. */
export function biasOf(weight: Tensor, vectors: readonly Tensor[]): string | undefined {
  const name = weight.name.replace(/weight$/, 'bias');
  const bias = name === weight.name ? undefined : vectors.find((vector) => vector.name === name);
  return bias && same(bias.shapes.flat(), outputs(weight)) ? name : undefined;
}

/** Three quarters of the sources' widths together: the middle of what merges are made for. */
export const offeredWidth = (weight: Tensor) => Math.round(0.75 * outputs(weight).reduce((sum, out) => sum + out, 0));

/** A layer as it stands in the spec; the last has no width. */
export const layerOf = (weight: Tensor, vectors: readonly Tensor[], last: boolean): JsonObject => {
  const bias = biasOf(weight, vectors);
  return { weight: weight.name, ...(bias && { bias }), ...(!last && { width: offeredWidth(weight) }) };
};

const EMBEDDINGS = /(embed_tokens|word_embeddings|wte|embeddings?)\.weight$/;

/** The tensor that looks like the table of an embedding. */
export const embeddingOf = (matrices: readonly Tensor[]): Tensor | undefined =>
  matrices.find(({ name }) => EMBEDDINGS.test(name)) ?? matrices[0];

/** What kind of model sources are: whole transformers where config.json says so, a chain where weights chain. */
export function familyFor(sources: readonly Checkpoint[]): 'auto' | 'chain' | 'embedding' {
  if (sources.length > 0 && sources.every(({ family }) => family !== null)) return 'auto';
  return chainOf(commonTensors(sources, 2)).length > 1 ? 'chain' : 'embedding';
}

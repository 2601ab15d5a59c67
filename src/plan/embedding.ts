import { SpecError } from '../errors.js';
import type { JobSpec } from '../schemas/job-spec.js';
import type { EmbeddingModel } from '../schemas/model.js';
import type { SpacePlan } from '../schemas/plan.js';
import type { ModelPlan } from './model-plan.js';
import { EMBEDDING_SPACE } from './points.js';
import { checkMethod, decideSpace } from './reduced-space.js';
import { outputDtype } from './shards.js';
import { commonDtype, locate, type SourceHeaders } from './sources.js';

/** Name of the fold matrix beside its embedding: `x.word_embeddings.weight` → `x.word_embeddings.fold.weight`. */
const foldName = (tensor: string) => `${tensor.replace(/\.weight$/, '')}.fold.weight`;

/**
 * An embedding's columns write the space `width`; the vocabulary is shared. The result holds the new [vocab, r] table
 * and the fold matrix [D, r], which is the weight of a linear layer from the new space back to the sources' columns.
 */
export function planEmbedding(spec: JobSpec, model: EmbeddingModel, headers: readonly SourceHeaders[]): ModelPlan {
  checkMethod(spec);
  if (spec.method.basis === 'balanced')
    throw new SpecError(
      'method_conflict',
      'Basis balanced weighs readers, and an embedding has none. Use basis weight, or activation with token ids.',
      '/method/basis',
    );
  const sources = headers.map((_, i) => locate(headers, i, model.tensor, 2, '/model/tensor'));
  const vocabularies = sources.map(({ shape }) => shape[0]);
  if (new Set(vocabularies).size > 1)
    throw new SpecError(
      'vocabulary_mismatch',
      `The sources' vocabularies differ: ${vocabularies.join(', ')} rows. An embedding merge needs one vocabulary.`,
      '/sources',
    );
  const widths = sources.map(({ shape }) => shape[1]);
  const width = model.width;
  if (width === undefined)
    throw new SpecError('width_missing', 'The embedding needs a width: that of the result.', '/model/width');
  const total = widths.reduce((sum, d) => sum + d, 0);
  const vocabulary = vocabularies[0];
  const shapes = widths.map((d) => [d, vocabulary]);
  const decided = decideSpace({
    spec,
    widths,
    width,
    endToEnd: false,
    shapes,
    sharedInput: true,
    dtypes: [outputDtype(spec) ?? commonDtype(sources)],
    joint: true,
    pointer: '/model/width',
  });
  const dtype = commonDtype(sources);
  const fold = foldName(model.tensor);
  const space = {
    kind: 'shared',
    width_range: null,
    width_goal: null,
    basis: null,
    legality: 'exact',
    coupled: false,
    constant: 'none',
    factorization: null,
  } as const;
  const spaces: SpacePlan[] = [
    {
      ...space,
      name: 'vocabulary',
      source_widths: vocabularies,
      width: vocabulary,
      reduced: false,
      reason: 'shared by all sources: E = F = I',
      writers: [],
      readers: [model.tensor],
    },
    {
      name: EMBEDDING_SPACE,
      kind: 'concatenated',
      source_widths: widths,
      ...decided,
      reduced: true,
      legality: 'exact',
      reason: 'an embedding is a table: nothing nonlinear before its readers',
      writers: [model.tensor],
      readers: [fold],
      constant: 'none',
    },
  ];
  return {
    spaces,
    tensors: [
      {
        name: model.tensor,
        role: 'weight',
        dtype,
        shape: [vocabulary, decided.width],
        layout: 'in_out',
        out_space: EMBEDDING_SPACE,
        in_space: 'vocabulary',
        sources,
        layer: 0,
      },
      {
        name: fold,
        role: 'fold',
        dtype,
        shape: [total, decided.width],
        layout: 'out_in',
        out_space: EMBEDDING_SPACE,
        in_space: EMBEDDING_SPACE,
        sources: [],
        layer: 1,
      },
    ],
    probeColumns: [],
    config: embeddingConfig(model, spaces),
  };
}

/** config.json of an embedding; spaces are the vocabulary and the width. */
export const embeddingConfig = ({ tensor }: EmbeddingModel, [vocabulary, width]: readonly SpacePlan[]) => ({
  model_type: 'embedding',
  tensor,
  fold: foldName(tensor),
  vocab_size: vocabulary.width,
  embedding_size: width.width,
});

import { z } from 'zod';
import { MethodSchema } from './method.js';
import { PRINTABLE, PRINTABLE_RULE } from './printable.js';

/** Methods times widths of a comparison, the notebook's two included. */
export const MAX_POINTS = 256;

const ComparedMethodSchema = MethodSchema.extend({
  name: z
    .string()
    .min(1)
    .max(80)
    .regex(PRINTABLE, PRINTABLE_RULE)
    .optional()
    .describe('What the table calls it. Default: from its settings.'),
}).meta({ id: 'ComparedMethod', description: 'A method as `method` of a merge, with a name.' });

const ComparedWidthsSchema = z
  .union(
    [
      z
        .number()
        .gt(0)
        .max(1)
        .describe('Share of the sources’ widths together, the same for every space (of chains and embeddings).'),
      z
        .record(z.string(), z.number().int().min(1))
        .describe('Width per space (h0, h1, …; `width` of an embedding), or the sizes of a `target`.'),
    ],
    { error: 'must be a share such as 0.75, or a width per space such as {"h0": 768}' },
  )
  .meta({ id: 'ComparedWidths' });
export type ComparedWidths = z.infer<typeof ComparedWidthsSchema>;

const BASELINES = ['notebook', 'sources', 'mean_of_outputs', 'mean_of_weights'] as const;

export const CompareSchema = z
  .strictObject({
    methods: z
      .array(ComparedMethodSchema)
      .min(1)
      .max(32)
      .optional()
      .describe('Default: the methods weightfold has for the family.'),
    widths: z.array(ComparedWidthsSchema).min(1).max(MAX_POINTS),
    baselines: z
      .array(z.enum(BASELINES))
      .default([...BASELINES])
      .describe(
        'notebook: the randomized weight PCA, diag and separate, at every width. sources: each source alone. ' +
          'mean_of_outputs, mean_of_weights: where the sources’ shapes allow it.',
      ),
  })
  .meta({
    id: 'Compare',
    description: 'Several methods over the same sources, at several widths: the result is one table, no weights.',
  });
export type Compare = z.infer<typeof CompareSchema>;

import { z } from 'zod';

export const width = z.number().int().min(1).describe('Width of this space in the result.');

const multipleOf = z
  .number()
  .int()
  .min(1)
  .max(65536)
  .optional()
  .describe('Round up to a multiple of this, as far as the sources’ widths reach.');

/** A width, or what it must achieve: the smallest width that does is chosen once the basis is known. */
export const WidthSchema = z
  .union(
    [
      width,
      z
        .strictObject({
          energy: z.number().gt(0).max(1).describe('Fewest directions that retain this share of Σ σ².'),
          multiple_of: multipleOf,
        })
        .meta({ id: 'EnergyGoal' }),
      z
        .strictObject({
          max_relative_error: z
            .number()
            .min(0)
            .lt(1)
            .describe('Fewest directions with sqrt(Σ_{j>r} σ_j² / Σ σ_j²) at most this.'),
          multiple_of: multipleOf,
        })
        .meta({ id: 'ErrorGoal' }),
    ],
    { error: 'must be a number, {"energy": share} or {"max_relative_error": bound}' },
  )
  .meta({ id: 'Width', description: 'Width of a space in the result, or what it must achieve.' });
/** A width that is known only with the basis. */
export type WidthGoal = Exclude<z.infer<typeof WidthSchema>, number>;

import { DataError } from '../../src/errors.js';

/**
 * As `JSON.stringify`, which writes NaN and infinities as null: a figure that could not be computed would look like one
 * that does not apply.
 * @throws DataError `figure_not_finite`, naming the figure
 */
export const finiteJson = (value: unknown, indent?: number): string =>
  JSON.stringify(
    value,
    (key, entry: unknown) => {
      if (typeof entry === 'number' && !Number.isFinite(entry))
        throw new DataError(
          'figure_not_finite',
          `The figure "${key}" comes out as ${entry}: values on the way to it leave the range of their type. Scale the sources’ weights.`,
        );
      return entry;
    },
    indent,
  );

import type { TransformerMetrics } from '../schemas/metrics.js';

/** What says how a whole transformer came to be: its plan does, and its metrics do. */
export type MadeModel = Pick<TransformerMetrics, 'fit' | 'basis'> & {
  spaces: readonly { width: number | null; source_width?: number; source_widths?: readonly number[] }[];
};

export type MergeKind = 'calibrated' | 'growth' | 'closed_form';

/** Growth is one source in wider spaces, none of them narrower: the result computes the same. */
export function mergeKind({ fit, spaces }: Pick<MadeModel, 'fit' | 'spaces'>): MergeKind {
  if (fit === 'calibrated') return 'calibrated';
  const beyond = spaces.map(({ width, source_width, source_widths = [] }) => {
    const own = source_width ?? source_widths.reduce((sum, of) => sum + of, 0);
    return (width ?? own) - own;
  });
  return beyond.every((more) => more >= 0) && beyond.some((more) => more > 0) ? 'growth' : 'closed_form';
}

const KINDS: Record<MergeKind, string> = {
  calibrated: 'calibrated',
  growth: 'growth: the outputs of its source, to rounding; an initialisation for further training',
  closed_form: 'closed form: an initialisation for further training',
};

/** In a few words, for a line of a table. */
export const kindInWords = (made: Pick<MadeModel, 'fit' | 'spaces'>): string => KINDS[mergeKind(made)];

const BASES: Record<NonNullable<MadeModel['basis']>, string> = {
  weight: 'the weights alone',
  balanced: 'the weights alone, on a basis that weighs what is written by what is read',
  activation: 'the weights, on a basis measured on calibration tokens',
};

/** In a sentence, for a page. */
export function howItWasMade(made: MadeModel): string {
  const kind = mergeKind(made);
  if (kind === 'calibrated')
    return 'Merged in closed form with calibration tokens: every linear map was fitted by ridge regression, front to back, without gradient training.';
  if (kind === 'growth')
    return 'Computes what its source computes, to rounding, in wider spaces. Meant as an initialisation for further training.';
  return `Merged in closed form from ${BASES[made.basis ?? 'weight']}. Meant as an initialisation for further training.`;
}

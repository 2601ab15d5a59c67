import { SpecError } from '../errors.js';
import type { Architecture } from './architecture.js';
import type { FamilyDescription } from './description.js';
import type { PlannedSource } from './plan.js';

/** In which sizes a result exceeds its one source. With several sources, in none. */
export interface GrownSizes {
  hidden: boolean;
  ffn: boolean;
  heads: boolean;
}

type Sizes = Pick<Architecture, 'hidden' | 'ffn' | 'heads'>;

/** Sizes of the result beside those of the sources. */
export function grownSizes(sources: readonly Pick<PlannedSource, 'architecture'>[], target: Sizes): GrownSizes {
  const one = sources.length === 1 ? sources[0].architecture : null;
  const wider = (key: keyof Sizes) => one !== null && target[key] > one[key];
  return { hidden: wider('hidden'), ffn: wider('ffn'), heads: wider('heads') };
}

/**
 * Growth of the residual stream that keeps what the model computes. Pre-norm: any width, except before an MLM head whose
 * own norm would need another ε. Post-norm: whole copies only, since the normed stream is itself the stream.
 * @throws SpecError `hidden_size_illegal` with the reason and the nearest legal widths
 */
export function checkHiddenGrowth(family: FamilyDescription, source: Architecture, hidden: number): void {
  const refuse = (message: string) => {
    throw new SpecError('hidden_size_illegal', message, '/target/hidden_size');
  };
  if (source.placement === 'pre' && source.head === 'masked')
    refuse(
      `hidden_size ${hidden} is wider than the source's ${source.hidden}: the ε that a wider pre-norm stream needs would also change the norm of the MLM head of ${family.family}.`,
    );
  const below = Math.floor(hidden / source.hidden) * source.hidden;
  if (source.placement === 'post' && below !== hidden)
    refuse(
      `hidden_size ${hidden} is no multiple of the source's ${source.hidden}: in ${family.family} the normed output is itself the stream (post-norm), ` +
        `and only whole copies of the stream keep its mean and variance. Nearest legal hidden_size: ${below} or ${below + source.hidden}.`,
    );
}

/**
 * ε of the result's norms: a pre-norm stream of width d, mapped by orthonormal columns to width r, has a mean square d/r
 * times as large, and so must ε, for r/d · (mean square + ε) to be what the source divides by. null: the source's.
 */
export function grownEpsilon(source: Architecture, target: { hidden: number }, sources: number): number | null {
  if (sources !== 1 || source.placement === 'post' || target.hidden <= source.hidden) return null;
  return (source.epsilon * source.hidden) / target.hidden;
}

/** @throws SpecError `width_out_of_range` where growth is asked for together with calibration */
export function refuseFittedGrowth({ hidden, ffn, heads }: GrownSizes, calibrated: boolean): void {
  if (!calibrated || !(hidden || ffn || heads)) return;
  const key = hidden ? 'hidden_size' : ffn ? 'intermediate_size' : 'num_attention_heads';
  throw new SpecError(
    'width_out_of_range',
    `${key} is wider than the source's. Growth computes what the source computes and is not fitted: leave out method.calibration.`,
    `/target/${key}`,
  );
}

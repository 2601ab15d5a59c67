import { SpecError } from '../errors.js';
import type { Architecture } from './architecture.js';
import { spaceWidth } from './binding.js';
import type { Space } from './description.js';
import type { PlannedSource, SourceHeaders } from './plan.js';

/** Spaces whose units are not the source's own any more once they are merged, selected or grown. */
const CHANGING: readonly Space[] = ['residual', 'heads', 'kv_heads', 'ffn'];

/**
 * A tensor that is copied unchanged must not lie on a space that changes: neither its size nor the order of its units
 * would fit the result.
 * @throws SpecError `extra_tensors` naming tensor, shape, and the widths before and after
 */
export function refuseKeptOfOtherSize(
  sources: readonly PlannedSource[],
  { tensors, label }: SourceHeaders,
  target: Architecture,
): void {
  const [{ architecture, extra }] = sources;
  for (const name of extra) {
    const { shape } = tensors.get(name)!;
    const space = CHANGING.find(
      (one) => shape.includes(spaceWidth(architecture, one)) && changes(sources, target, one),
    );
    if (!space) continue;
    const [before, after] = [spaceWidth(architecture, space), spaceWidth(target, space)];
    throw new SpecError(
      'extra_tensors',
      `extra_tensors "keep_first" cannot keep "${name}" [${shape.join(', ')}] of source "${label}": an axis of ${before} is as wide as its ${space} space, ` +
        `which ${before === after ? 'has other units in the result' : `is ${after} wide in the result`}. Set extra_tensors to "drop".`,
      '/model/extra_tensors',
    );
  }
}

function changes(sources: readonly PlannedSource[], target: Architecture, space: Space): boolean {
  const { architecture } = sources[0];
  if (sources.length > 1 || spaceWidth(architecture, space) !== spaceWidth(target, space)) return true;
  // A pre-norm stream is brought into another basis, its gains absorbed.
  return space === 'residual' && architecture.placement === 'pre';
}

import { SpecError } from '../errors.js';
import { perLayer } from './binding.js';
import type { FamilyDescription } from './description.js';
import type { ExtraPolicy, PlannedSource } from './plan.js';

/**
 * Refuse tensors that the family does not know. Outside the model, e.g. a head for another task, they may be left out or
 * kept. Those inside the model take part in what it computes, so that a result without them would be another model.
 * @throws SpecError `extra_tensors` naming them
 */
export function refuseExtra(family: FamilyDescription, sources: readonly PlannedSource[], policy: ExtraPolicy): void {
  for (const [index, { label, extra, architecture }] of sources.entries()) {
    const inside = extra.filter((name) => isInside(family, name));
    if (inside.length > 0)
      throw new SpecError(
        'extra_tensors',
        `Source "${label}" has ${inside.length} tensors inside the model that family ${family.family} with ${architecture.layers} layers does not ` +
          `have: ${listed(inside)}. Without them it is another model, so extra_tensors cannot leave them out or copy them.`,
        `/sources/${index}`,
      );
    if (policy === 'fail' && extra.length > 0)
      throw new SpecError(
        'extra_tensors',
        `Source "${label}" has ${extra.length} tensors its family does not know: ${listed(extra)}. ` +
          'Set extra_tensors to "drop", or to "keep_first" to copy source 1’s unchanged.',
        `/sources/${index}`,
      );
  }
}

/** Names that a message lists. */
const LISTED = 8;

const listed = (names: readonly string[]) =>
  `${names.slice(0, LISTED).join(', ')}${names.length > LISTED ? ', …' : ''}`;

/** Inside a layer; and for families whose config keys are all known, anywhere inside the base model. */
function isInside(family: FamilyDescription, name: string): boolean {
  const { base_prefix: prefix, tensors, config } = family;
  const own = prefix !== '' && name.startsWith(prefix);
  if (own && config) return true;
  const bare = own ? name.slice(prefix.length) : name;
  return tensors
    .map((pattern) => pattern.name)
    .filter(perLayer)
    .map((pattern) => pattern.replace('{base}', '').split('{layer}')[0])
    .some((start) => bare.startsWith(start) && /^\d/.test(bare.slice(start.length)));
}

import type { FloatDtype } from '../safetensors/dtype.js';
import type { Architecture } from './architecture.js';
import { basePrefix, expandName, shapeOf, wanted } from './binding.js';
import type { FamilyDescription, Slot, TensorPattern } from './description.js';
import type { LeftOut, OutputTensor, PlannedSource, SourceHeaders } from './plan.js';

const stores = ({ bindings }: PlannedSource, slot: Slot, part: TensorPattern['part']) =>
  bindings.some((b) => b.slots[0] === slot && b.part === part);

/** Whether the result has a pattern's tensors: those of its class, and of optional ones what the sources have together. */
function written(
  family: FamilyDescription,
  pattern: TensorPattern,
  sources: readonly PlannedSource[],
  target: Architecture,
): boolean {
  if (!wanted(pattern, target)) return false;
  if (!pattern.optional) return true;
  const [slot] = pattern.slots;
  const weight = family.tensors.find(({ slots, part }) => slots[0] === slot && part === 'weight');
  // A part that some source lacks is left out with its bias; a bias alone is zeros where a source has none.
  if (weight?.optional && !sources.every((s) => stores(s, slot, 'weight'))) return false;
  return pattern.part === 'weight' || sources.some((s) => stores(s, slot, 'bias'));
}

/** The result's tensors under the names of its class, in the order of the family's description. */
export function outputTensors(
  family: FamilyDescription,
  sources: readonly PlannedSource[],
  target: Architecture,
  dtype: FloatDtype,
): OutputTensor[] {
  const base = basePrefix(family, target);
  return family.tensors
    .filter((pattern) => written(family, pattern, sources, target))
    .flatMap((pattern) => {
      const { slots, part, layout } = pattern;
      const shape = shapeOf(pattern, target);
      return [pattern.name, ...pattern.also]
        .flatMap((name) => expandName(name, base, target.layers))
        .map((expanded) => ({ ...expanded, dtype, shape, slots, part, layout }));
    });
}

/** Source 1's tensors that its family does not know, as they are. */
export const keptTensors = (first: PlannedSource, { tensors }: SourceHeaders): OutputTensor[] =>
  first.extra.map((name) => {
    const { dtype, shape } = tensors.get(name)!;
    return { name, dtype: dtype as FloatDtype, shape, slots: null, part: 'weight', layer: null, layout: 'out_in' };
  });

/** Sources without the optional parts that the result does not have, and what was left out of them. */
export function withoutMissingParts(
  family: FamilyDescription,
  sources: readonly PlannedSource[],
  target: Architecture,
): { sources: PlannedSource[]; leftOut: LeftOut[] } {
  const absent = family.tensors.filter(
    (pattern) => wanted(pattern, target) && !written(family, pattern, sources, target),
  );
  const isAbsent = ({ slots, part }: Pick<TensorPattern, 'slots' | 'part'>) =>
    absent.some((pattern) => pattern.slots[0] === slots[0] && pattern.part === part);
  const leftOut: LeftOut[] = sources.flatMap(({ label, bindings, ignored }) => {
    const parts = bindings.filter(isAbsent).map(({ name }) => name);
    return [
      ...(parts.length > 0
        ? [
            {
              source: label,
              tensors: parts,
              reason: 'not every source has them, and they cannot be made for one alone',
            },
          ]
        : []),
      ...(ignored.length > 0
        ? [{ source: label, tensors: ignored, reason: 'its class, as its config.json sets it, does not read them' }]
        : []),
    ];
  });
  const base = basePrefix(family, target);
  const missing = absent
    .filter(({ part }) => part === 'weight')
    .flatMap(({ name }) => expandName(name, base, target.layers).map((expanded) => expanded.name));
  if (missing.length > 0)
    leftOut.push({
      source: null,
      tensors: missing,
      reason: `the result lacks them; where ${target.className} has such a part, it fills it with random values (of a pooler: unless loaded with add_pooling_layer=False)`,
    });
  return { sources: sources.map((s) => ({ ...s, bindings: s.bindings.filter((b) => !isAbsent(b)) })), leftOut };
}

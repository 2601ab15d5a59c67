import type { LinearPlan, SpacePlan } from '../schemas/plan.js';

/** Entries of the whole map above which it is not formed (float64: 512 MB); its error is then null. */
export const MAX_MAP_ENTRIES = 64 * 1024 * 1024;

type Mapped = Pick<LinearPlan, 'family' | 'source_weights'> & { spaces: readonly SpacePlan[] };

/**
 * Sources whose parts of a chain's whole map are formed together: each alone where no space couples them, because the
 * map is then block diagonal, all at once otherwise. None where a part would be too large, or where there are no layers.
 */
export function mapGroups({ family, spaces, source_weights }: Mapped): number[][] {
  if (family !== 'chain') return [];
  const all = source_weights.map((_, i) => i);
  const [input, output] = [spaces[0], spaces[spaces.length - 1]];
  const apart = [input, output].every(({ kind }) => kind === 'concatenated') && spaces.every(({ coupled }) => !coupled);
  const groups = apart ? all.map((i) => [i]) : [all];
  const extent = (space: SpacePlan, group: number[]) =>
    space.kind === 'shared' ? space.width : group.reduce((sum, i) => sum + space.source_widths[i], 0);
  return groups.some((g) => extent(input, g) * extent(output, g) > MAX_MAP_ENTRIES) ? [] : groups;
}

/** More names than this are counted, not listed. */
const MAX_NAMES = 6;

interface Reasoned<Legality> {
  name: string;
  legality: Legality;
  reason: string;
}

export interface Reason<Legality> {
  legality: Legality;
  reason: string;
  /** Of the spaces, in a few words: `residual`, `layer.*.heads`. */
  spaces: string;
}

/** Why spaces are what they are, each reason once: the layers of a model share theirs. */
export function reasonsOf<Legality extends string>(spaces: readonly Reasoned<Legality>[]): Reason<Legality>[] {
  const groups = new Map<string, Reasoned<Legality>[]>();
  for (const space of spaces) {
    const key = `${space.legality} ${space.reason}`;
    groups.set(key, [...(groups.get(key) ?? []), space]);
  }
  const sizes = countsOf(spaces.map(({ name }) => patternOf(name)));
  return [...groups.values()].map((group) => ({
    legality: group[0].legality,
    reason: group[0].reason,
    spaces: namesOf(group, sizes),
  }));
}

/** `layer.3.ffn` as `layer.*.ffn`. */
const patternOf = (name: string) => name.replace(/\d+/g, '*');

function countsOf(names: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

/** Spaces of one pattern by it, where they are all there are and more than two; others by their names. */
function namesOf(group: readonly { name: string }[], all: ReadonlyMap<string, number>): string {
  const here = countsOf(group.map(({ name }) => patternOf(name)));
  const names = group.map(({ name }) => {
    const pattern = patternOf(name);
    const count = here.get(pattern) ?? 0;
    return count > 2 && count === all.get(pattern) ? pattern : name;
  });
  const distinct = [...new Set(names)];
  const listed = distinct.slice(0, MAX_NAMES).join(', ');
  return distinct.length > MAX_NAMES ? `${listed} and ${distinct.length - MAX_NAMES} more` : listed;
}

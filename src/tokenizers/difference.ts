import { type Meaning, shown } from './meaning.js';

/**
 * The first thing that two tokenizers mean differently, in words about "the first" and "the second"; null where they
 * agree.
 * @param complete whether both state everything there is; otherwise what one of them leaves out is no difference
 */
export function differenceOf(a: Meaning, b: Meaning, complete: boolean): string | null {
  return (
    differentTokens(a.vocabulary, b.vocabulary, complete) ??
    differentList('the score of id', a.scores, b.scores) ??
    differentList('the merge of rank', a.merges, b.merges) ??
    differentParts(a.parts, b.parts, complete)
  );
}

function differentTokens(a: Meaning['vocabulary'], b: Meaning['vocabulary'], complete: boolean): string | null {
  if (!a || !b) return null;
  for (const [token, id] of a) {
    const other = b.get(token);
    if (other === id || (other === undefined && !complete)) continue;
    return `token ${shown(token)} has id ${id} in the first and ${other === undefined ? 'none' : `id ${other}`} in the second`;
  }
  if (!complete) return null;
  for (const [token, id] of b)
    if (!a.has(token)) return `token ${shown(token)} has no id in the first and id ${id} in the second`;
  return null;
}

function differentList(what: string, a?: readonly string[], b?: readonly string[]): string | null {
  if (!a || !b) return null;
  const length = Math.max(a.length, b.length);
  for (let i = 0; i < length; i++)
    if (a[i] !== b[i]) return `${what} ${i} is ${one(a[i])} in the first and ${one(b[i])} in the second`;
  return null;
}

function differentParts(a: Meaning['parts'], b: Meaning['parts'], complete: boolean): string | null {
  for (const name of new Set([...a.keys(), ...b.keys()])) {
    const [mine, theirs] = [a.get(name), b.get(name)];
    if (mine === theirs || (!complete && (mine === undefined || theirs === undefined))) continue;
    return `${name} is ${cut(mine)} in the first and ${cut(theirs)} in the second`;
  }
  return null;
}

const one = (value: string | undefined) => (value === undefined ? 'missing' : shown(value));
const cut = (value: string | undefined) =>
  value === undefined ? 'missing' : shown(value).slice(1, -1).replaceAll('\\"', '"');

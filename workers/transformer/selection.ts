import { sharesOf } from '../../src/plan/factorization.js';
/** Which heads or units of each source the result keeps: indices in the sources' own numbering, ascending. */
export type Kept = number[][];

/** The `count` highest scores over all sources; ties to the lower source and index. */
export function keepHighest(scores: readonly ArrayLike<number>[], count: number): Kept {
  const all = scores.flatMap((list, source) => Array.from(list, (score, index) => ({ score, source, index })));
  const chosen = all.sort((a, b) => b.score - a.score || a.source - b.source || a.index - b.index).slice(0, count);
  return scores.map((_, source) =>
    chosen
      .filter((c) => c.source === source)
      .map((c) => c.index)
      .sort((a, b) => a - b),
  );
}

/** As many from each source (a remainder to the first, an excess to the others): mode `separate`. */
export function keepShares(scores: readonly ArrayLike<number>[], count: number): Kept {
  const shares = sharesOf(
    count,
    scores.map((list) => list.length),
  );
  return scores.map((list, i) => keepHighest([list], shares[i])[0]);
}

/** Heads or kv groups as the rows they occupy: `size` rows per index. */
export const asRows = (kept: readonly number[], size: number): number[] =>
  kept.flatMap((index) => Array.from({ length: size }, (_, j) => index * size + j));

/** Extents of one product of blocks: rows and columns of the result, and the length of the sums. */
export interface Tile {
  m: number;
  n: number;
  k: number;
}

const bytesOf = ({ m, n, k }: Tile, size: number) => (m * k + k * n + m * n) * size;

/**
 * The largest block of an m × k times k × n product whose three parts fit in `budget` bytes: the longest side is halved
 * until they do. Long sums stay whole as far as they can, since each split reads the result again.
 */
export function tileOf(whole: Tile, size: number, budget: number): Tile {
  const tile = { ...whole };
  while (bytesOf(tile, size) > budget && Math.max(tile.m, tile.n, tile.k) > 1) {
    const longest = (['m', 'n', 'k'] as const).reduce((best, side) => (tile[side] > tile[best] ? side : best), 'm');
    tile[longest] = Math.ceil(tile[longest] / 2);
  }
  return tile;
}

/** [from, to) of consecutive pieces of `extent`. */
export function* pieces(extent: number, step: number): Generator<readonly [number, number]> {
  for (let from = 0; from < extent; from += step) yield [from, Math.min(from + step, extent)];
}

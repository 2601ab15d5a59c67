import { sharesOf } from '../../src/plan/factorization.js';
import type { Method } from '../../src/schemas/method.js';
import type { SpacePlan } from '../../src/schemas/plan.js';
import { offsetsOf } from './basis.js';
import { numericalRank } from './exact.js';

/** Directions kept of one group of sources. */
export interface Choice {
  /** How many of the group's directions, best first. */
  live: number;
  /** Their positions in the new space. */
  units: number[];
  /** Positions of units without content. */
  padding: number[];
}

/**
 * The directions of a space's groups (one group of all sources, or one per source) by their singular values, and which
 * of them a width keeps: the largest of all (mode diag), or each source's share (mode separate).
 */
export class Directions {
  /** Σ σ² of everything. */
  readonly total: number;
  private readonly shares: ((width: number) => number[]) | null;
  private readonly ranks: number[];
  /** Group of each direction, best first, all groups together. */
  private readonly order: Int32Array;
  /** Per group: Σ σ² from each direction on, summed from the smallest. */
  private readonly tails: Float64Array[];
  private readonly space: SpacePlan;

  /**
   * @param sigmas singular values of each group, descending
   * @param tolerance σ at most this share of the largest counts as zero
   */
  constructor(space: SpacePlan, mode: Method['mode'], sigmas: readonly Float64Array[], tolerance?: number) {
    this.space = space;
    this.shares = mode === 'separate' ? (width) => sharesOf(width, space.source_widths) : null;
    const largest = Math.max(0, ...sigmas.map(([first = 0]) => first));
    this.ranks = sigmas.map((sigma) => numericalRank(sigma, this.shares ? sigma[0] : largest, tolerance));
    const candidates = sigmas.flatMap((sigma, p) =>
      Array.from(sigma.subarray(0, this.ranks[p]), (value, j) => ({ value, p, j })),
    );
    // Stable order for equal values: by source, then by index.
    candidates.sort((a, b) => b.value - a.value || a.p - b.p || a.j - b.j);
    this.order = Int32Array.from(candidates, ({ p }) => p);
    this.tails = sigmas.map((sigma, p) => {
      const tail = new Float64Array(this.ranks[p] + 1);
      for (let j = this.ranks[p] - 1; j >= 0; j--) tail[j] = tail[j + 1] + sigma[j] ** 2;
      return tail;
    });
    this.total = sigmas.reduce((sum, sigma) => sum + energyOf(sigma), 0);
  }

  /** Width at which nothing above the numerical rank is cut. */
  get everything(): number {
    return this.shares ? this.space.source_widths.reduce((sum, d) => sum + d, 0) : this.order.length;
  }

  /** Live directions of each group at a width. */
  counts(width: number): number[] {
    if (this.shares) return this.shares(width).map((share, p) => Math.min(share, this.ranks[p]));
    const counts = this.ranks.map(() => 0);
    for (const p of this.order.subarray(0, width)) counts[p]++;
    return counts;
  }

  /** Σ σ² of what a width leaves out, above the numerical rank. */
  tail(width: number): number {
    return this.counts(width).reduce((sum, count, p) => sum + this.tails[p][count], 0);
  }

  /**
   * The width of the space: as planned, or the smallest with tail at most `limit`, rounded up to the goal's multiple as
   * far as the range reaches.
   */
  width(limit: number): number {
    const { width, width_range, width_goal } = this.space;
    if (!width_range || !width_goal) return width;
    let [low, high] = width_range;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (this.tail(middle) <= limit) high = middle;
      else low = middle + 1;
    }
    const multiple = width_goal.multiple_of;
    return Math.min(Math.ceil(low / multiple) * multiple, width_range[1]);
  }

  /** @param rows width of each group's part of the space: room for padding */
  choose(width: number, padding: Method['padding'], rows: readonly number[]): Choice[] {
    const counts = this.counts(width);
    const units: number[][] = counts.map(() => []);
    if (this.shares) {
      const starts = offsetsOf(this.shares(width));
      counts.forEach((count, p) => {
        for (let j = 0; j < count; j++) units[p].push(starts[p] + j);
      });
    } else
      this.order.subarray(0, width).forEach((p, unit) => {
        units[p].push(unit);
      });
    const surplus = padding === 'zero' ? counts.map(() => []) : this.surplus(width, counts, rows);
    return counts.map((live, p) => ({ live, units: units[p], padding: surplus[p] }));
  }

  /** Positions of the units left over, spread over the groups that have room. */
  private surplus(width: number, counts: readonly number[], rows: readonly number[]): number[][] {
    if (this.shares) {
      const shares = this.shares(width);
      const starts = offsetsOf(shares);
      return counts.map((live, p) => Array.from({ length: shares[p] - live }, (_, j) => starts[p] + live + j));
    }
    const live = counts.reduce((sum, count) => sum + count, 0);
    const extra = sharesOf(
      width - live,
      rows.map((d, p) => d - counts[p]),
    );
    const starts = offsetsOf(extra).map((start) => start + live);
    return extra.map((count, p) => Array.from({ length: count }, (_, j) => starts[p] + j));
  }
}

export const energyOf = (values: Iterable<number>) => {
  let sum = 0;
  for (const s of values) sum += s * s;
  return sum;
};

/** Largest Σ σ² a goal lets go: of `total`, or of a whole map of which `dropped` is gone already. */
export function limitOf({ width_goal: goal }: SpacePlan, total: number, map = { total, dropped: 0 }): number {
  if (goal?.energy !== undefined) return (1 - goal.energy) * total;
  if (goal?.max_relative_error !== undefined) return goal.max_relative_error ** 2 * total;
  return Math.max(0, (goal?.max_map_relative_error ?? 0) ** 2 * map.total - map.dropped);
}

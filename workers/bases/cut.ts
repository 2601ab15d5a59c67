import type { Basis, BasisBlock, BasisOrigin, BasisReport } from './basis.js';
import type { BasisInput } from './basis-input.js';
import { spanOf } from './block.js';
import { merged } from './bound.js';
import { type Choice, type Directions, energyOf } from './directions.js';

export type CutReport = Omit<BasisReport, 'optimal_relative_error'>;

export interface Cut {
  width: number;
  groups: readonly (readonly number[])[];
  directions: Directions;
  /** Where a cut before this one limits them: the directions without it. */
  uncut?: Directions;
  /** Singular values of each group. */
  sigmas: readonly Float64Array[];
  /** Σ σ² of directions that are not at hand; default 0. */
  rest?: number;
  origin: Pick<BasisOrigin, 'basis' | 'writer_spectrum' | 'widths_fixed'>;
  /** Build the block of a group; `last` says that what it is built from is needed no more. */
  build: (group: number, choice: Choice, last: boolean) => Promise<BasisBlock>;
}

/** A basis at its width, the same without a cut where the job keeps every direction, and what is to be said of it. */
export async function cutBasis(
  { space, method, everyDirection }: BasisInput,
  { width, groups, directions, uncut: all = directions, sigmas, rest = 0, origin, build }: Cut,
): Promise<{
  basis: Basis;
  directions?: Basis;
  report: CutReport;
}> {
  const rows = groups.map((sources) => spanOf(space, sources)).map(([from, to]) => to - from);
  const tail = directions.tail(width) + rest;
  const about: BasisOrigin = {
    basis: origin.basis,
    writer_spectrum: origin.writer_spectrum,
    widths_fixed: origin.widths_fixed,
    mode: method.mode,
    factorization: space.factorization ?? 'weight',
    width,
    rest_energy: tail,
  };
  const basisOf = async (choices: Choice[], last: boolean, left: number): Promise<Basis> => {
    const blocks: BasisBlock[] = [];
    for (const [g, choice] of choices.entries()) blocks.push(await build(g, choice, last));
    return { space: space.name, blocks, about: { ...about, rest_energy: left } };
  };
  const uncut = everyDirection && (await basisOf(all.choose(all.everything, 'zero', rows), false, rest));
  const choices = directions.choose(width, method.padding, rows);
  const total = directions.total + rest;
  const kept = choices.reduce((sum, { live }, g) => sum + energyOf(sigmas[g].subarray(0, live)), 0);
  return {
    basis: await basisOf(choices, true, tail),
    ...(uncut && { directions: uncut }),
    report: {
      width,
      spectrum: [...merged(sigmas)],
      rank: choices.reduce((sum, { live }) => sum + live, 0),
      directions_by_source: groups.every(({ length }) => length === 1) ? choices.map(({ live }) => live) : null,
      retained_energy: total === 0 ? 1 : Math.min(1, kept / total),
      tail_relative_error: total === 0 ? 0 : Math.sqrt(tail / total),
      padding_columns: choices.reduce((sum, { padding }) => sum + padding.length, 0),
    },
  };
}

import type { Method } from '../../src/schemas/method.js';
import type { SpacePlan } from '../../src/schemas/plan.js';
import type { Matrix } from '../linalg/contract.js';

/**
 * One dense piece of a basis: rows of E and columns of F that are nonzero on `span` only. Sources that share an
 * eigenproblem share a block; independent sources have one each, and the zeros between them are never stored.
 */
export interface BasisBlock {
  /** Sources covered, consecutive. */
  sources: readonly number[];
  /** Columns of E (rows of F) in the concatenated space, half-open. */
  span: readonly [number, number];
  /** Positions of this block's units in the new space: live ones first, then padding. */
  units: Int32Array;
  /** live × span: rows of E. Padding rows are zero and not stored. */
  expand: Matrix;
  /** span × units: columns of F. */
  fold: Matrix;
  /** Singular values of the live directions, descending; empty where there are none to speak of (growth). */
  sigma: Float64Array;
}

/** The pair (E, F) of one space, in blocks. */
export interface Basis {
  space: string;
  blocks: BasisBlock[];
  about: BasisOrigin;
}

/** How a basis was made: what a later job must know to take a part of it. */
export interface BasisOrigin {
  basis: NonNullable<SpacePlan['basis']>;
  mode: Method['mode'];
  factorization: NonNullable<SpacePlan['factorization']>;
  /** Width of the space in the job that made it. */
  width: number;
  /** Σ σ² of the directions that are not stored. */
  rest_energy: number;
  /** Whether σ are the writer's own singular values, so that they give its Eckart–Young bound. */
  writer_spectrum: boolean;
  /** Whether the basis holds for this job's widths only: balanced, with a constant's column between the layers. */
  widths_fixed: boolean;
}

/** What is known of a basis beside its matrices. */
export interface BasisReport {
  /** Width of the space: as planned, or as chosen. */
  width: number;
  /** Singular values, descending: of the writer (weight), the whole map (balanced), the activations (activation). */
  spectrum: number[];
  /** Live units k ≤ width. */
  rank: number;
  directions_by_source: number[] | null;
  retained_energy: number;
  /** sqrt(Σ_{j>r} σ_j² / Σ σ_j²) of the spectrum. */
  tail_relative_error: number;
  padding_columns: number;
  /** Eckart–Young bound of the writer at this width; null where the basis did not need the writer's spectrum. */
  optimal_relative_error: number | null;
  /** Balanced: ‖M‖² of the whole map, and what the spaces up to this one leave out of it. */
  map?: { total: number; dropped: number };
}

/** Start of each source's copy in a concatenated space, and its end behind the last. */
export function offsetsOf(widths: readonly number[]): number[] {
  const offsets = [0];
  for (const d of widths) offsets.push(offsets[offsets.length - 1] + d);
  return offsets;
}

/** A space as one tensor of one source meets it: where its activations go. */
export interface Landing {
  /** Rows of E restricted to this source's columns; null: identity. */
  expand: Matrix | null;
  /** Columns of F restricted to this source's rows; null: identity. */
  fold: Matrix | null;
  units: Int32Array;
  live: number;
}

/** The blocks of a space that source `source` takes part in. `view` cuts a source's columns out of a shared block. */
export function landingsOf(
  space: SpacePlan,
  basis: Basis | null,
  source: number,
  view: (a: Matrix, r0: number, r1: number, c0: number, c1: number) => Matrix,
): Landing[] {
  const offsets = offsetsOf(space.source_widths);
  if (!basis) {
    const count = space.source_widths[source];
    const start = space.kind === 'shared' ? 0 : offsets[source];
    return [{ expand: null, fold: null, units: Int32Array.from({ length: count }, (_, j) => start + j), live: count }];
  }
  return basis.blocks
    .filter(({ sources }) => sources.includes(source))
    .map(({ span, units, expand, fold }) => {
      const [from, to] = [offsets[source] - span[0], offsets[source + 1] - span[0]];
      return {
        expand: view(expand, 0, expand.rows, from, to),
        fold: view(fold, from, to, 0, fold.cols),
        units,
        live: expand.rows,
      };
    });
}

/** Whether units are consecutive, so that results can be written in place. */
export function contiguous(units: Int32Array, count = units.length): boolean {
  for (let j = 1; j < count; j++) if (units[j] !== units[j - 1] + 1) return false;
  return true;
}

import type { FloatArray, Matrix } from '../linalg/contract.js';
import { transposed } from '../linalg/transposed.js';
import type { BasisInput, ComputedBasis } from './basis-input.js';
import { reachOf } from './chain-factors.js';
import { gaussian } from './gaussian.js';

/** Any seed does; this one makes results repeat. */
const SEED = 33;

/**
 * A space wider than its one source, r > D: E (r × D) has orthonormal columns and F = Eᵀ, so that F·E = I and the result
 * computes what the source does, to rounding. E is the Q of a seeded Gaussian matrix: every unit carries a part of every
 * direction, so none is dead, and no two are copies that training could not tell apart.
 *
 * With padding `zero`: E = [I; 0], the source's units and r − D dead ones.
 *
 * Not across an elementwise nonlinearity, which does not commute with E. 4·r·D² flops.
 */
export async function growthBasis(input: BasisInput): Promise<ComputedBasis> {
  const { la, plan, space, method } = input;
  const [width, source] = [space.width, space.source_widths[0]];
  const live = method.padding === 'zero' ? source : width;
  // Rows of Eᵀ = F, D × live.
  const fold = method.padding === 'zero' ? identity(input, source) : await tightFrame(input, source, width);
  const values = (await la.download(fold)) as FloatArray;
  const expand = la.upload(transposed(values, source, live), live, source);
  return {
    basis: {
      space: space.name,
      blocks: [
        {
          sources: [0],
          span: [0, source],
          units: Int32Array.from({ length: live }, (_, j) => j),
          expand: await la.cast(expand, plan.precision),
          fold: await la.cast(fold, plan.precision),
          sigma: new Float64Array(0),
        },
      ],
      about: {
        basis: 'growth',
        mode: method.mode,
        factorization: 'weight',
        width,
        rest_energy: 0,
        writer_spectrum: false,
        widths_fixed: true,
      },
    },
    report: {
      width,
      spectrum: [],
      rank: live,
      directions_by_source: [source],
      retained_energy: 1,
      tail_relative_error: 0,
      padding_columns: 0,
      optimal_relative_error: 0,
    },
    // Nothing is lost here: later spaces see what reached this one.
    reach: method.basis === 'weight' ? undefined : (await reachOf(input)).map(({ linear }) => linear),
  };
}

async function tightFrame({ la }: BasisInput, source: number, width: number): Promise<Matrix> {
  return la.orthonormalize(gaussian(la, source, width, SEED, 'float64'));
}

function identity({ la }: BasisInput, n: number): Matrix {
  const data = new Float64Array(n * n);
  for (let i = 0; i < n; i++) data[i * n + i] = 1;
  return la.upload(data, n, n);
}

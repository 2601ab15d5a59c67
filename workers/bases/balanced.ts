import type { LinearAlgebra, Matrix } from '../linalg/contract.js';
import { transposed } from '../linalg/transposed.js';
import type { BasisInput, ComputedBasis } from './basis-input.js';
import { groupsOf, obliqueBlock, spanOf } from './block.js';
import { hiddenSpaces, type Reach, reachOf, withConstant } from './chain-factors.js';
import { cutBasis } from './cut.js';
import { Directions, limitOf } from './directions.js';

/** Σ below this share of Σ₁ counts as zero: float64 factors, never squared. */
const RANK_TOLERANCE = 1e-12;

/** SVD of one group: R·L = U·Σ·Vᵀ. */
interface Solved {
  reach: Reach;
  /** L, with the constant where the basis takes it in. */
  l: Matrix;
  r: Matrix;
  sigma: Float64Array;
  u: Matrix;
  v: Matrix;
}

/**
 * Balanced basis of a chain's space (docs/method.md 4; Moore 1981): with L·Lᵀ the second moment of what reaches the space
 * through the layers before it, already reduced, and Q the map from it to the outputs,
 *
 *     Q·L = U·Σ·Vᵀ,   F = L·V_r·Σ_r^{−1/2},   E = Σ_r^{−1/2}·U_rᵀ·Q,   E·F = I_r.
 *
 * ‖(Q·P − Q·F·E·P)·C_in^{1/2}‖_F = sqrt(Σ_{j>r} Σ_j²): the Eckart–Young bound of the whole map. Per group an SVD of
 * size at most width × width and products with the neighbouring layers. float64 throughout; Q enters by its factor R.
 *
 * Not for spaces with a nonlinearity on them, and no better than weight PCA for the single tensor.
 */
export async function balancedBasis(input: BasisInput): Promise<ComputedBasis> {
  const { la, plan, space, method } = input;
  const groups = groupsOf(space);
  const solved = await solve(input);
  const everything = solved.map(({ sigma }) => sigma);
  const fixed = plan.spaces.some(({ constant }) => constant === 'basis_column');
  // To keep every direction, nothing is cut on the way; each space then takes what the one before it would have passed.
  const whole = input.everyDirection && !fixed;
  const lengths = everything.map(({ length }) => length);
  const limits = whole ? await passedBefore(input, lengths) : lengths;
  const sigmas = everything.map((sigma, g) => sigma.slice(0, limits[g]));
  const directions = new Directions(space, method.mode, sigmas, RANK_TOLERANCE);
  const uncut = new Directions(space, method.mode, everything, RANK_TOLERANCE);
  const map = await mapBefore(input, directions.total);
  const width = directions.width(limitOf(space, directions.total, map));
  const reach: Matrix[] = [];
  const { report, ...bases } = await cutBasis(input, {
    width,
    groups,
    directions,
    uncut,
    sigmas,
    origin: { basis: 'balanced', writer_spectrum: false, widths_fixed: fixed },
    build: async (g, choice, last) => {
      const one = solved[g];
      const [e, f] = [await expandRows(la, one, choice.live), await foldRows(la, one, choice.live)];
      if (last === !whole) reach.push(await passedOn(la, one, choice.live, e, f));
      if (last) for (const m of new Set([one.l, one.r, one.u, one.v, one.reach.linear])) la.dispose(m);
      return obliqueBlock(la, plan.precision, space, groups[g], choice, e, f, one.sigma);
    },
  });
  return {
    ...bases,
    report: {
      ...report,
      optimal_relative_error: null,
      map: { total: map.total, dropped: map.dropped + directions.tail(width) },
    },
    reach,
  };
}

async function solve(input: BasisInput): Promise<Solved[]> {
  const { la, space, constant, earlier } = input;
  const [factors, reached] = [await earlier.downstream(space.name), await reachOf(input)];
  const solved: Solved[] = [];
  for (const [g, sources] of groupsOf(space).entries()) {
    const [from, to] = spanOf(space, sources);
    const [r, reach] = [factors[g], reached[g]];
    const l = constant ? await withConstant(la, reach, constant.slice(from, to)) : reach.linear;
    const core = await la.gemm(r, l);
    const { values, u, v } = await la.svd(core);
    la.dispose(core);
    solved.push({ reach, l, r, sigma: values, u, v });
  }
  return solved;
}

const inverseRoots = (sigma: Float64Array, live: number) => sigma.slice(0, live).map((s) => 1 / Math.sqrt(s));

/** Σ_r^{−1/2}·U_rᵀ·R, live × width. */
async function expandRows(la: LinearAlgebra, { u, r, sigma }: Solved, live: number): Promise<Matrix> {
  const rows = await la.gemm(la.view(u, 0, live, 0, u.cols), r);
  await la.scaleRows(rows, inverseRoots(sigma, live));
  return rows;
}

/** (L·V_r·Σ_r^{−1/2})ᵀ, live × width. */
async function foldRows(la: LinearAlgebra, { v, l, sigma }: Solved, live: number): Promise<Matrix> {
  const rows = await la.gemm(la.view(v, 0, live, 0, v.cols), l, { transB: true });
  await la.scaleRows(rows, inverseRoots(sigma, live));
  return rows;
}

/**
 * T = F·E·L, what passes this space on to the next. Without a constant's column E·L = Σ^{1/2}·V_rᵀ, and up to an
 * orthonormal map from the right T = F·Σ^{1/2}: narrower, and a product less.
 */
async function passedOn(la: LinearAlgebra, solved: Solved, live: number, e: Matrix, f: Matrix): Promise<Matrix> {
  const { reach, sigma, l } = solved;
  if (l.cols === reach.linear.cols && !reach.one) {
    const rows = await la.cast(f, 'float64');
    await la.scaleRows(
      rows,
      sigma.slice(0, live).map((s) => Math.sqrt(s)),
    );
    const columns = transposed(await la.download(rows), rows.rows, rows.cols);
    la.dispose(rows);
    return la.upload(columns, f.cols, f.rows);
  }
  const inner = await la.gemm(e, reach.linear);
  const t = await la.gemm(f, inner, { transA: true });
  la.dispose(inner);
  return t;
}

/** What the whole map weighs, and what the spaces before this one leave out of it. */
export async function mapBefore({ plan, space, earlier }: BasisInput, total: number) {
  const spaces = hiddenSpaces(plan);
  for (let l = spaces.findIndex(({ name }) => name === space.name) - 1; l >= 0; l--) {
    const { map } = await earlier.report(spaces[l].name);
    if (map) return map;
  }
  return { total, dropped: 0 };
}

/** Directions of each group that the spaces before let through, at most `lengths`. */
export async function passedBefore(
  { plan, space, earlier }: BasisInput,
  lengths: readonly number[],
): Promise<readonly number[]> {
  const spaces = hiddenSpaces(plan);
  let limits = lengths;
  for (const before of spaces.slice(
    0,
    spaces.findIndex(({ name }) => name === space.name),
  )) {
    if (before.basis === 'growth') continue;
    const { directions_by_source, rank } = await earlier.report(before.name);
    limits = limits.map((limit, g) => Math.min(limit, limits.length > 1 ? (directions_by_source?.[g] ?? limit) : rank));
  }
  return limits;
}

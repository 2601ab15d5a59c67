import type { SpacePlan, TensorPlan } from '../../src/schemas/plan.js';
import { offsetsOf } from '../bases/basis.js';
import type { FloatArray, LinearAlgebra, Matrix } from '../linalg/contract.js';
import { basisFile } from './basis.js';
import { readUnits } from './basis-files.js';
import type { StepContext } from './context.js';
import type { TensorReader } from './sources.js';

/** Entries of the whole map above which it is not formed (float64: 512 MB); its error is then null. */
export const MAX_MAP_ENTRIES = 64 * 1024 * 1024;

/**
 * ‖M′ − M‖_F / ‖M‖_F of a chain's whole linear map (biases left out), in float64.
 *
 * Where no space couples the sources, M′ is block diagonal like M and each source's block is formed alone, from the
 * units that belong to it: N times fewer flops and N² times less memory than the dense product.
 */
export async function mapRelativeError(
  context: StepContext,
  weights: readonly TensorPlan[],
  merged: TensorReader,
): Promise<number | null> {
  const { plan, la } = context;
  const [input, output] = [plan.spaces[0], plan.spaces[plan.spaces.length - 1]];
  const all = plan.source_weights.map((_, i) => i);
  const apart =
    [input, output].every(({ kind }) => kind === 'concatenated') && plan.spaces.every(({ coupled }) => !coupled);
  const groups = apart ? all.map((i) => [i]) : [all];
  const extent = (space: SpacePlan, group: number[]) =>
    space.kind === 'shared' ? space.width : group.reduce((sum, i) => sum + space.source_widths[i], 0);
  if (groups.some((g) => extent(input, g) * extent(output, g) > MAX_MAP_ENTRIES)) return null;
  const pieces = await mergedPieces(context, weights, groups, merged);
  let [error, size] = [0, 0];
  for (const [g, group] of groups.entries()) {
    const difference = await product(la, pieces[g]);
    const [rows, cols] = [
      offsetsOf(group.map((i) => output.source_widths[i])),
      offsetsOf(group.map((i) => input.source_widths[i])),
    ];
    const whole = group.length === 1 ? null : la.zeros(difference.rows, difference.cols, 'float64');
    for (const [position, i] of group.entries()) {
      const factors: Matrix[] = [];
      for (const weight of weights) factors.push(await context.reader.matrix(weight.sources[i], 'float64'));
      const map = await product(la, factors);
      const r = output.kind === 'shared' ? 0 : rows[position];
      const c = input.kind === 'shared' ? 0 : cols[position];
      const alpha = output.kind === 'shared' ? plan.source_weights[i] : 1;
      await la.axpy(-alpha, map, la.view(difference, r, r + map.rows, c, c + map.cols));
      if (whole) await la.axpy(alpha, map, la.view(whole, r, r + map.rows, c, c + map.cols));
      else size += alpha * alpha * (await la.norms(map)).sumSquares;
      la.dispose(map);
    }
    error += (await la.norms(difference)).sumSquares;
    la.dispose(difference);
    if (!whole) continue;
    size += (await la.norms(whole)).sumSquares;
    la.dispose(whole);
  }
  return size === 0 ? (error === 0 ? 0 : 1) : Math.sqrt(error / size);
}

/** F_L ⋯ F_1 F_0 from whichever end is cheaper; the factors are disposed. */
async function product(la: LinearAlgebra, factors: Matrix[]): Promise<Matrix> {
  const rightToLeft = factors.slice(1).reduce((sum, f) => sum + f.rows * f.cols * factors[0].cols, 0);
  const leftToRight = factors
    .slice(0, -1)
    .reduce((sum, f) => sum + f.rows * f.cols * factors[factors.length - 1].rows, 0);
  const order = rightToLeft <= leftToRight ? factors : [...factors].reverse();
  let result = order[0];
  for (const factor of order.slice(1)) {
    const next = rightToLeft <= leftToRight ? await la.gemm(factor, result) : await la.gemm(result, factor);
    la.dispose(result);
    la.dispose(factor);
    result = next;
  }
  return result;
}

/** Per group, the stored weights restricted to the units its sources own, in float64. */
async function mergedPieces(
  context: StepContext,
  weights: readonly TensorPlan[],
  groups: readonly number[][],
  merged: TensorReader,
): Promise<Matrix[][]> {
  const { la, plan } = context;
  const units = await Promise.all(plan.spaces.map((space) => unitsOf(context, space, groups)));
  const at = (name: string | null) => plan.spaces.findIndex((space) => space.name === name);
  const pieces: Matrix[][] = groups.map(() => []);
  for (const { name, dtype, shape, out_space, in_space } of weights) {
    const values = await merged.rows({ source: 0, tensor: name, dtype, shape }, 0, shape[0]);
    for (const [g] of groups.entries()) {
      const [rows, cols] = [units[at(out_space)][g], units[at(in_space)][g]];
      pieces[g].push(la.upload(gather(values, rows, cols, shape[1]), rows.length, cols.length));
    }
  }
  return pieces;
}

function gather(values: FloatArray, rows: Int32Array, cols: Int32Array, stride: number): Float64Array {
  const out = new Float64Array(rows.length * cols.length);
  for (let i = 0; i < rows.length; i++) {
    const from = rows[i] * stride;
    for (let j = 0; j < cols.length; j++) out[i * cols.length + j] = values[from + cols[j]];
  }
  return out;
}

/** Live units of a space per group. Padding units are silent: their rows are zero. */
async function unitsOf({ steps }: StepContext, space: SpacePlan, groups: readonly number[][]): Promise<Int32Array[]> {
  const offsets = offsetsOf(space.source_widths);
  if (space.reduced) {
    const blocks = await readUnits(steps.file(basisFile(space.name)), space.name);
    return groups.map((group) =>
      Int32Array.from(
        blocks.filter(({ sources }) => sources.some((i) => group.includes(i))).flatMap(({ live }) => [...live]),
      ),
    );
  }
  return groups.map((group) =>
    space.kind === 'shared'
      ? Int32Array.from({ length: space.width }, (_, j) => j)
      : Int32Array.from(group.flatMap((i) => Array.from({ length: space.source_widths[i] }, (_, j) => offsets[i] + j))),
  );
}

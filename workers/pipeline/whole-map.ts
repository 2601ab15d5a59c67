import type { SpacePlan, TensorPlan } from '../../src/schemas/plan.js';
import { offsetsOf } from '../bases/basis.js';
import { chunkRows } from '../bases/problem.js';
import type { FloatArray, LinearAlgebra, Matrix } from '../linalg/contract.js';
import { basisFile } from './basis.js';
import { readUnits } from './basis-files.js';
import { layersOf, mergedSource } from './chain-outputs.js';
import type { StepContext } from './context.js';
import { openMerged } from './merged.js';
import { TensorReader } from './sources.js';

/** ‖M′ − M‖_F² and ‖M‖_F² of some sources' part of the whole map. */
export interface MapPart {
  error: number;
  size: number;
}

/** One matrix of a product: its shape, and how to get it. */
interface Factor {
  rows: number;
  cols: number;
  load: () => Promise<Matrix>;
}

/**
 * A part of a chain's whole linear map M (biases left out) and what the stored weights make of it, in float64. Weights
 * come one layer at a time: memory holds two products and a layer, however many layers there are.
 *
 * @param group sources whose part is formed together, see `mapGroups`; of the stored weights, the units that are theirs
 */
export async function mapPart(context: StepContext, group: readonly number[]): Promise<MapPart> {
  const { plan, la, reader, watch, signal } = context;
  const [input, output] = [plan.spaces[0], plan.spaces[plan.spaces.length - 1]];
  const weights = layersOf(plan.tensors).map(({ weight }) => weight);
  const merged = await openMerged(context);
  try {
    const stored = new TensorReader(la, [merged], plan.precision, watch, signal);
    const difference = await product(la, await mergedFactors(context, weights, group, stored));
    const [rows, cols] = [output, input].map((space) => offsetsOf(group.map((i) => space.source_widths[i])));
    const whole = group.length === 1 ? null : la.zeros(difference.rows, difference.cols, 'float64');
    let size = 0;
    for (const [position, i] of group.entries()) {
      const map = await product(
        la,
        weights.map(({ sources }) => ({
          rows: sources[i].shape[0],
          cols: sources[i].shape[1],
          load: () => reader.matrix(sources[i], 'float64'),
        })),
      );
      const r = output.kind === 'shared' ? 0 : rows[position];
      const c = input.kind === 'shared' ? 0 : cols[position];
      const alpha = output.kind === 'shared' ? plan.source_weights[i] : 1;
      await la.axpy(-alpha, map, la.view(difference, r, r + map.rows, c, c + map.cols));
      if (whole) await la.axpy(alpha, map, la.view(whole, r, r + map.rows, c, c + map.cols));
      else size += alpha * alpha * (await la.norms(map)).sumSquares;
      la.dispose(map);
    }
    if (whole) size = (await la.norms(whole)).sumSquares;
    const error = (await la.norms(difference)).sumSquares;
    for (const matrix of whole ? [difference, whole] : [difference]) la.dispose(matrix);
    return { error, size };
  } finally {
    await merged.close();
  }
}

/** ‖M′ − M‖_F / ‖M‖_F from the parts; null where there are none. */
export function mapRelativeError(parts: readonly MapPart[]): number | null {
  if (parts.length === 0) return null;
  const error = parts.reduce((sum, part) => sum + part.error, 0);
  const size = parts.reduce((sum, part) => sum + part.size, 0);
  return size === 0 ? (error === 0 ? 0 : 1) : Math.sqrt(error / size);
}

/** F_L ⋯ F_1 F_0 from whichever end is cheaper. */
async function product(la: LinearAlgebra, factors: readonly Factor[]): Promise<Matrix> {
  const elements = (some: readonly Factor[]) => some.reduce((sum, { rows, cols }) => sum + rows * cols, 0);
  const fromInput = elements(factors.slice(1)) * factors[0].cols;
  const fromOutput = elements(factors.slice(0, -1)) * factors[factors.length - 1].rows;
  const rightToLeft = fromInput <= fromOutput;
  const [first, ...rest] = rightToLeft ? factors : [...factors].reverse();
  let result = await first.load();
  for (const { load } of rest) {
    const factor = await load();
    const next = rightToLeft ? await la.gemm(factor, result) : await la.gemm(result, factor);
    la.dispose(result);
    la.dispose(factor);
    result = next;
  }
  return result;
}

/** The stored weights restricted to the units that belong to a group's sources. */
async function mergedFactors(
  context: StepContext,
  weights: readonly TensorPlan[],
  group: readonly number[],
  stored: TensorReader,
): Promise<Factor[]> {
  const { la, plan } = context;
  const units = new Map<string | null, Int32Array>();
  for (const space of plan.spaces) units.set(space.name, await unitsOf(context, space, group));
  return weights.map((weight) => {
    const [rows, cols] = [weight.out_space, weight.in_space].map((name) => units.get(name) as Int32Array);
    return {
      rows: rows.length,
      cols: cols.length,
      load: () =>
        la.receive(rows.length, cols.length, 'float64', async (into) => {
          const [height, width] = weight.shape;
          const chunk = chunkRows(width);
          for (let from = 0; from < height; from += chunk) {
            const to = Math.min(from + chunk, height);
            gather(await stored.rows(mergedSource(weight), from, to), from, to, width, rows, cols, into);
          }
        }),
    };
  });
}

/** The rows of a chunk `[from, to)` that are wanted, cut to the wanted columns, each to its place. */
function gather(
  values: FloatArray,
  from: number,
  to: number,
  width: number,
  rows: Int32Array,
  cols: Int32Array,
  into: FloatArray,
): void {
  for (let i = 0; i < rows.length; i++) {
    if (rows[i] < from || rows[i] >= to) continue;
    const start = (rows[i] - from) * width;
    for (let j = 0; j < cols.length; j++) into[i * cols.length + j] = values[start + cols[j]];
  }
}

/** Live units of a space that belong to a group's sources. Padding units are silent: their rows are zero. */
async function unitsOf({ steps }: StepContext, space: SpacePlan, group: readonly number[]): Promise<Int32Array> {
  const offsets = offsetsOf(space.source_widths);
  if (space.reduced) {
    const blocks = await readUnits(steps.file(basisFile(space.name)), space.name);
    return Int32Array.from(
      blocks.filter(({ sources }) => sources.some((i) => group.includes(i))).flatMap(({ live }) => [...live]),
    );
  }
  if (space.kind === 'shared') return Int32Array.from({ length: space.width }, (_, j) => j);
  return Int32Array.from(
    group.flatMap((i) => Array.from({ length: space.source_widths[i] }, (_, j) => offsets[i] + j)),
  );
}

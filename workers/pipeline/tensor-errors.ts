import type { TensorMetrics } from '../../src/schemas/metrics.js';
import type { SpacePlan, TensorPlan } from '../../src/schemas/plan.js';
import { type Basis, landingsOf, offsetsOf } from '../bases/basis.js';
import { eckartYoung, writerSpectrum } from '../bases/bound.js';
import { chunkRows } from '../bases/problem.js';
import type { LinearAlgebra, Matrix, Norms } from '../linalg/contract.js';
import { basisReport } from './basis.js';
import type { StepContext } from './context.js';

/** Bounds below this are rounding: the ratio to them says nothing. */
const SMALLEST_BOUND = 1e-6;

/** Norms of W − F·E·W, and of W, accumulated per source over that source's own rows and input columns, and over all. */
class Tally {
  readonly own: Norms[];
  readonly off: Norms = { sumAbs: 0, maxAbs: 0, sumSquares: 0 };
  weightSquares = 0;
  constructor(sources: number) {
    this.own = Array.from({ length: sources }, () => ({ sumAbs: 0, maxAbs: 0, sumSquares: 0 }));
  }
  add(into: Norms, from: Norms): void {
    into.sumAbs += from.sumAbs;
    into.sumSquares += from.sumSquares;
    into.maxAbs = Math.max(into.maxAbs, from.maxAbs);
  }
}

/** Reconstruction errors of one tensor that writes the reduced space of a basis. E is applied to the sources' own weights. */
export async function tensorErrors(context: StepContext, tensor: TensorPlan, basis: Basis): Promise<TensorMetrics> {
  const { plan, spec } = context;
  const space = plan.spaces.find(({ name }) => name === tensor.out_space) as SpacePlan;
  const into = plan.spaces.find(({ name }) => name === tensor.in_space) as SpacePlan;
  const tally = new Tally(tensor.sources.length);
  if (tensor.layout === 'in_out') await tableErrors(context, tensor, space, basis, tally);
  else if (into.kind === 'shared') await stackedErrors(context, tensor, space, basis, tally);
  else await blockErrors(context, tensor, space, basis, tally);
  const optimal = await boundOf(context, tensor, space);
  const sizes = tensor.sources.map(({ shape }) => shape[0] * shape[1]);
  const bySource = tally.own.map(({ sumAbs }, i) => sumAbs / sizes[i]);
  const all = [...tally.own, tally.off];
  const sumAbs = all.reduce((sum, n) => sum + n.sumAbs, 0);
  const [total] = offsetsOf(space.source_widths).slice(-1);
  const columns = into.kind === 'shared' ? into.width : offsetsOf(into.source_widths).slice(-1)[0];
  const relative = Math.sqrt(all.reduce((sum, n) => sum + n.sumSquares, 0) / (tally.weightSquares || 1));
  return {
    name: tensor.name,
    source_shapes: tensor.sources.map(({ shape }) => shape),
    shape: tensor.shape,
    mean_abs_error:
      spec.method.mode === 'separate'
        ? bySource.reduce((sum, e) => sum + e, 0) / bySource.length
        : sumAbs / (total * columns),
    mean_abs_error_by_source: bySource,
    max_abs_error: Math.max(...all.map(({ maxAbs }) => maxAbs)),
    relative_error: relative,
    optimal_relative_error: optimal,
    optimality_ratio: optimal === null || optimal < SMALLEST_BOUND ? null : relative / optimal,
  };
}

const weightSquares = async (la: LinearAlgebra, w: Matrix) => (await la.norms(w)).sumSquares;

/** Concatenated input: source j's columns meet source i's rows only through a shared block. */
async function blockErrors(
  { la, reader }: StepContext,
  tensor: TensorPlan,
  space: SpacePlan,
  basis: Basis,
  tally: Tally,
) {
  for (const [j, source] of tensor.sources.entries()) {
    const w = await reader.matrix(source);
    tally.weightSquares += await weightSquares(la, w);
    for (const block of basis.blocks.filter(({ sources }) => sources.includes(j))) {
      const [column] = landingsOf(space, { ...basis, blocks: [block] }, j, la.view.bind(la));
      const kept = await la.gemm(column.expand as Matrix, w);
      for (const i of block.sources) {
        const [row] = landingsOf(space, { ...basis, blocks: [block] }, i, la.view.bind(la));
        const fold = la.view(row.fold as Matrix, 0, (row.fold as Matrix).rows, 0, row.live);
        const residual = i === j ? w : la.zeros(fold.rows, w.cols, w.precision);
        await la.gemm(fold, kept, { alpha: -1, beta: 1, out: residual });
        tally.add(i === j ? tally.own[i] : tally.off, await la.norms(residual));
        if (i !== j) la.dispose(residual);
      }
      la.dispose(kept);
    }
    la.dispose(w);
  }
}

/** Eckart–Young bound of the tensor at the space's width; solved for here unless the basis knows it or was to cost nothing. */
async function boundOf(
  context: StepContext,
  tensor: TensorPlan,
  { name, width, basis }: SpacePlan,
): Promise<number | null> {
  const { optimal_relative_error: known } = await basisReport(context, name);
  if (known !== null || basis === 'stored') return known;
  return eckartYoung(await writerSpectrum(context.la, context.reader, context.plan, tensor), width);
}

/** Shared input: every source's rows see the same columns, so the sources' E·W add up before F. */
async function stackedErrors(
  { la, reader }: StepContext,
  tensor: TensorPlan,
  space: SpacePlan,
  basis: Basis,
  tally: Tally,
) {
  for (const block of basis.blocks) {
    const kept = la.zeros(block.expand.rows, tensor.sources[0].shape[1], block.expand.precision);
    const one = { ...basis, blocks: [block] };
    for (const i of block.sources) {
      const w = await reader.matrix(tensor.sources[i]);
      const [{ expand }] = landingsOf(space, one, i, la.view.bind(la));
      await la.gemm(expand as Matrix, w, { beta: 1, out: kept });
      la.dispose(w);
    }
    for (const i of block.sources) {
      const w = await reader.matrix(tensor.sources[i]);
      tally.weightSquares += await weightSquares(la, w);
      const [{ fold, live }] = landingsOf(space, one, i, la.view.bind(la));
      await la.gemm(la.view(fold as Matrix, 0, w.rows, 0, live), kept, { alpha: -1, beta: 1, out: w });
      tally.add(tally.own[i], await la.norms(w));
      la.dispose(w);
    }
    la.dispose(kept);
  }
}

/** A table [vocabulary, width]: rows stream, and source i's error is its columns' share. */
async function tableErrors(
  { la, reader }: StepContext,
  tensor: TensorPlan,
  space: SpacePlan,
  basis: Basis,
  tally: Tally,
) {
  const [vocabulary] = tensor.shape;
  const offsets = offsetsOf(space.source_widths);
  for (const block of basis.blocks) {
    const width = block.span[1] - block.span[0];
    const live = block.expand.rows;
    const fold = la.view(block.fold, 0, width, 0, live);
    const chunk = chunkRows(width);
    for (let from = 0; from < vocabulary; from += chunk) {
      const to = Math.min(from + chunk, vocabulary);
      const x = la.zeros(to - from, width, block.expand.precision);
      const part = (i: number) => la.view(x, 0, to - from, offsets[i] - block.span[0], offsets[i + 1] - block.span[0]);
      for (const i of block.sources) {
        const rows = await reader.block(tensor.sources[i], from, to);
        await la.copy(rows, part(i));
        la.dispose(rows);
      }
      tally.weightSquares += await weightSquares(la, x);
      const kept = await la.gemm(x, block.expand, { transB: true });
      await la.gemm(kept, fold, { transB: true, alpha: -1, beta: 1, out: x });
      for (const i of block.sources) tally.add(tally.own[i], await la.norms(part(i)));
      la.dispose(kept);
      la.dispose(x);
    }
  }
}

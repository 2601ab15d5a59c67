import type { TensorPlan, TensorSource } from '../../src/schemas/plan.js';
import { chunkRows } from '../bases/problem.js';
import type { LinearAlgebra, Matrix } from '../linalg/contract.js';
import type { StepContext } from './context.js';
import { OutputComparison, type OutputErrors } from './end-to-end.js';
import { openMerged } from './merged.js';
import { probeOf } from './probe.js';
import { TensorReader } from './sources.js';

/** y = x·Wᵀ (+ b) in float64, W streamed in chunks of rows. x is batch × in, row-major. */
export async function applyLayer(
  la: LinearAlgebra,
  reader: TensorReader,
  w: TensorSource,
  bias: TensorSource | null,
  x: Matrix,
): Promise<Matrix> {
  const [rows, cols] = w.shape;
  const y = la.zeros(x.rows, rows, 'float64');
  const chunk = chunkRows(cols);
  for (let from = 0; from < rows; from += chunk) {
    const to = Math.min(from + chunk, rows);
    const part = await reader.block(w, from, to, 'float64');
    await la.gemm(x, part, { transB: true, out: la.view(y, 0, x.rows, from, to) });
    la.dispose(part);
  }
  if (bias) {
    const ones = la.upload(new Float64Array(x.rows).fill(1), x.rows, 1);
    const b = la.upload(await reader.vector(bias), 1, rows);
    await la.gemm(ones, b, { beta: 1, out: y });
    for (const m of [ones, b]) la.dispose(m);
  }
  return y;
}

/** All layers one after the other; x is used up. */
async function applyLayers(
  la: LinearAlgebra,
  reader: TensorReader,
  layers: readonly { weight: TensorSource; bias: TensorSource | null }[],
  x: Matrix,
): Promise<Matrix> {
  let current = x;
  for (const { weight, bias } of layers) {
    const next = await applyLayer(la, reader, weight, bias, current);
    la.dispose(current);
    current = next;
  }
  return current;
}

interface LayerPlan {
  weight: TensorPlan;
  bias: TensorPlan | null;
}

/** Layers of a chain, first to last. */
export function layersOf(tensors: readonly TensorPlan[]): LayerPlan[] {
  const weights = tensors.filter(({ role }) => role === 'weight').sort((a, b) => a.layer - b.layer);
  return weights.map((weight) => ({
    weight,
    bias: tensors.find(({ role, layer }) => role === 'bias' && layer === weight.layer) ?? null,
  }));
}

/** A tensor of the result as a source of its own checkpoint. */
export const mergedSource = ({ name, dtype, shape }: TensorPlan): TensorSource => ({
  source: 0,
  tensor: name,
  dtype,
  shape,
});

/** Outputs of the sources and of the stored result on the probe, compared in float64. */
export async function chainOutputs(context: StepContext): Promise<OutputErrors> {
  const { plan, la, reader, watch, signal } = context;
  const layers = layersOf(plan.tensors);
  const [input, output] = [plan.spaces[0], plan.spaces[plan.spaces.length - 1]];
  const probe = await probeOf(context);
  const merged = await openMerged(context);
  try {
    const mergedReader = new TensorReader(la, [merged], plan.precision, watch, signal);
    const y = la.zeros(probe.rows, output.width, 'float64');
    let at = 0;
    for (let i = 0; i < plan.source_weights.length; i++) {
      const own = layers.map(({ weight, bias }) => ({ weight: weight.sources[i], bias: bias?.sources[i] ?? null }));
      const values = probe.inputs[input.kind === 'shared' ? 0 : i].slice();
      const x = await applyLayers(la, reader, own, la.upload(values, probe.rows, input.source_widths[i]));
      const shared = output.kind === 'shared';
      await la.axpy(
        shared ? plan.source_weights[i] : 1,
        x,
        la.view(y, 0, probe.rows, shared ? 0 : at, (shared ? 0 : at) + x.cols),
      );
      at += x.cols;
      la.dispose(x);
    }
    const joined = la.zeros(probe.rows, input.width, 'float64');
    let column = 0;
    for (const values of probe.inputs) {
      const part = la.upload(values, probe.rows, values.length / probe.rows);
      await la.axpy(1, part, la.view(joined, 0, probe.rows, column, column + part.cols));
      column += part.cols;
      la.dispose(part);
    }
    const stored = layers.map(({ weight, bias }) => ({
      weight: mergedSource(weight),
      bias: bias && mergedSource(bias),
    }));
    const z = await applyLayers(la, mergedReader, stored, joined);
    const comparison = new OutputComparison();
    comparison.add(await la.download(y), await la.download(z));
    for (const m of [y, z]) la.dispose(m);
    return comparison.result();
  } finally {
    await merged.close();
  }
}

import { DTYPE_BITS } from '../safetensors/dtype.js';
import type { Architecture } from './architecture.js';
import type { OutputTensor, PlannedSource, TransformerCosts, TransformerPlan } from './plan.js';

const count = (shape: readonly number[]) => shape.reduce((product, extent) => product * extent, 1);
/** The runtime, the BLAS library and one tensor's chunks. */
const BASE_BYTES = 300e6;
/** Tokens whose activations are in memory at a time; `forward/batch.ts` in the worker keeps to it. */
const BATCH_TOKENS = 4096;

/** Flops of one token through the linear maps of a model, without the head. */
const flopsPerToken = (a: Architecture, gated: boolean) =>
  2 * a.layers * a.hidden * ((2 * a.heads + 2 * a.kvHeads) * a.headDim + (gated ? 3 : 2) * a.ffn);

/** Estimates shown with the plan: bytes moved, peak memory of the worker, floating-point operations. */
export function transformerCosts(
  sources: readonly PlannedSource[],
  target: Architecture,
  tensors: readonly OutputTensor[],
  calibration: TransformerPlan['calibration'],
): TransformerCosts {
  const bytes = (list: readonly { shape: readonly number[]; dtype: keyof typeof DTYPE_BITS }[]) =>
    list.reduce((sum, t) => sum + (count(t.shape) * DTYPE_BITS[t.dtype]) / 8, 0);
  const d = sources.reduce((sum, s) => sum + s.architecture.hidden, 0);
  const r = target.hidden;
  const gated = tensors.some((t) => t.slots?.[0] === 'gate');
  const parameters = sources.flatMap((s) => s.bindings).reduce((sum, b) => sum + count(b.shape), 0);
  const largest = Math.max(...[...sources.flatMap((s) => s.bindings), ...tensors].map((t) => count(t.shape)));
  const read = bytes(sources.flatMap((s) => s.bindings));
  const basis = 9 * d ** 3;
  if (!calibration)
    return {
      bytes_read: 2 * read,
      bytes_written: bytes(tensors),
      peak_memory_bytes: 4 * 4 * largest + 24 * d * d + BASE_BYTES,
      flops: basis + 2 * parameters * r + parameters * d,
    };
  const size =
    'generate' in calibration
      ? { rows: calibration.generate.sequences, length: calibration.generate.length }
      : calibration;
  const tokens = size.rows * size.length;
  const wide = Math.max(target.ffn, target.heads * target.headDim, d);
  const fits =
    target.layers *
    (target.heads * target.headDim * (target.heads * target.headDim + r) +
      target.ffn * (target.ffn + r) +
      4 * r * (r + d));
  const sourceFlops = sources.reduce((sum, s) => sum + flopsPerToken(s.architecture, gated), 0);
  return {
    bytes_read: read,
    bytes_written: bytes(tensors),
    peak_memory_bytes:
      4 * parameters +
      4 * tensors.reduce((sum, t) => sum + count(t.shape), 0) +
      24 * wide * wide +
      24 * BATCH_TOKENS * wide +
      BASE_BYTES,
    flops: basis + tokens * (2 * sourceFlops + flopsPerToken(target, gated) + fits),
  };
}

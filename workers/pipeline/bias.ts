import type { TensorPlan } from '../../src/schemas/plan.js';
import { type Basis, offsetsOf } from '../bases/basis.js';
import type { LinearAlgebra } from '../linalg/contract.js';
import { loadBasis } from './basis.js';
import { matVec, readConstant } from './constants.js';
import type { StepContext } from './context.js';

/**
 * b′ = E_out·concat(b_i), or Σ a_i·b_i where the out-space is shared. Each b_i first takes what the in-space's basis
 * loses of a constant: b_i ← b_i + W_i·((I − F·E)·c)_i, so that a biased chain's constant is kept exactly.
 * float64 throughout. @returns length out.width
 */
export async function rewriteBias(context: StepContext, tensor: TensorPlan): Promise<Float64Array> {
  const { plan, reader, la } = context;
  const weight = plan.tensors.find(
    (t) => t.role === 'weight' && t.out_space === tensor.out_space && t.layer === tensor.layer,
  );
  const out = plan.spaces.find(({ name }) => name === tensor.out_space);
  const into = plan.spaces.find(({ name }) => name === weight?.in_space);
  if (!weight || !out || !into) throw new Error(`Bias ${tensor.name} belongs to no weight.`);
  const lost = into.constant === 'reader_bias' ? await lostConstant(context, into.name) : null;
  const inOffsets = offsetsOf(into.source_widths);
  const outOffsets = offsetsOf(out.source_widths);
  const joined = new Float64Array(out.kind === 'shared' ? out.width : outOffsets[outOffsets.length - 1]);
  for (const [i, source] of tensor.sources.entries()) {
    const own = await reader.vector(source);
    const moved = lost && (await matVec(reader, weight.sources[i], lost.slice(inOffsets[i], inOffsets[i + 1])));
    const share = out.kind === 'shared' ? plan.source_weights[i] : 1;
    const at = out.kind === 'shared' ? 0 : outOffsets[i];
    own.forEach((value, j) => {
      joined[at + j] += share * (value + (moved ? moved[j] : 0));
    });
  }
  const basis = await loadBasis(context, out.name);
  return basis ? expandVector(la, basis, joined, out.width) : joined;
}

/** (I − F·E)·c of a space. */
async function lostConstant(context: StepContext, space: string): Promise<Float64Array> {
  const c = await readConstant(context, space);
  const basis = await loadBasis(context, space);
  if (!c || !basis) throw new Error(`Space ${space} has no constant or no basis.`);
  const lost = c.slice();
  for (const { span, expand, fold } of basis.blocks) {
    const part = c.subarray(span[0], span[1]);
    const e = await context.la.download(expand);
    const f = await context.la.download(fold);
    const kept = new Float64Array(expand.rows);
    for (let i = 0; i < expand.rows; i++)
      for (let j = 0; j < part.length; j++) kept[i] += e[i * part.length + j] * part[j];
    for (let j = 0; j < part.length; j++)
      for (let i = 0; i < expand.rows; i++) lost[span[0] + j] -= f[j * fold.cols + i] * kept[i];
  }
  return lost;
}

/** E·x, float64. */
async function expandVector(la: LinearAlgebra, basis: Basis, x: Float64Array, width: number): Promise<Float64Array> {
  const out = new Float64Array(width);
  for (const { span, expand, units } of basis.blocks) {
    const e = await la.download(expand);
    const cols = span[1] - span[0];
    for (let i = 0; i < expand.rows; i++) {
      let sum = 0;
      for (let j = 0; j < cols; j++) sum += e[i * cols + j] * x[span[0] + j];
      out[units[i]] = sum;
    }
  }
  return out;
}

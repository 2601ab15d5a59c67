import type { Matrix } from '../../linalg/contract.js';
import { sharedColumns } from './growth.js';
import { decoderOf } from './merge-input.js';
import type { Merging } from './merging.js';
import { CHUNK_ROWS } from './moment.js';
import { scaledColumns } from './pick.js';

/** Decoder behind an MLM transform, on the transform's kept units, averaged over the sources. */
export async function maskedDecoder(
  m: Merging,
  part: 'weight' | 'bias',
  rows?: readonly [number, number],
): Promise<Matrix> {
  if (part === 'bias') return biasOf(m);
  const { la, plan, sources, basis } = m;
  const [from, to] = rows ?? [0, plan.target.vocabulary];
  const out = la.zeros(to - from, plan.target.hidden, 'float32');
  let at = 0;
  for (const i of sources.keys()) {
    const { weight } = await decoderOf(m, i, rows);
    const count = basis.transform[i].length;
    const columns = la.view(out, 0, out.rows, at, at + count);
    if (m.transform) await addFolded(m, i, weight, columns);
    else {
      const chosen = await sharedColumns(la, weight, basis.transform[i]);
      await la.axpy(plan.source_weights[i], chosen, columns);
      la.dispose(chosen);
    }
    at += count;
    la.dispose(weight);
  }
  return out;
}

/** out ← a·scale·(D_k·γ_k + D_d·γ_d·F): the norm's gain γ moves into the decoder, the dropped columns into the kept ones. */
async function addFolded(
  { la, plan, sources, basis, transform }: Merging,
  i: number,
  weight: Matrix,
  out: Matrix,
): Promise<void> {
  const { dropped, solution, scale } = transform![i];
  const gain = await la.download(await sources[i].matrix('transform_norm', null, 'weight'));
  const factor = scale * plan.source_weights[i];
  const scaled = (index: readonly number[]) =>
    scaledColumns(
      la,
      weight,
      index,
      Float64Array.from(index, (j) => factor * gain[j]),
    );
  const chosen = await scaled(basis.transform[i]);
  await la.copy(chosen, out);
  la.dispose(chosen);
  if (!solution) return;
  const rest = await scaled(dropped);
  await la.gemm(rest, solution, { transB: true, beta: 1, out });
  la.dispose(rest);
}

/** Σ a·b, and D·(β + γ·offset) where the norm of the result has no bias of its own. */
async function biasOf(m: Merging): Promise<Matrix> {
  const { la, plan, sources } = m;
  const bias = new Float32Array(plan.target.vocabulary);
  for (const [i, source] of sources.entries()) {
    const own = await la.download(await source.matrix('decoder', null, 'bias'));
    for (let j = 0; j < own.length; j++) bias[j] += plan.source_weights[i] * own[j];
    if (m.transform) await addConstants(m, i, bias);
  }
  return la.upload(bias, 1, bias.length);
}

async function addConstants(m: Merging, i: number, bias: Float32Array): Promise<void> {
  const { la, plan, sources } = m;
  const { offset } = m.transform![i];
  const norm = async (part: 'weight' | 'bias') => la.download(await sources[i].matrix('transform_norm', null, part));
  const [gain, beta] = [await norm('weight'), await norm('bias')];
  const constant = la.upload(
    Float32Array.from(offset, (value, j) => beta[j] + gain[j] * value),
    offset.length,
    1,
  );
  for (let from = 0; from < bias.length; from += CHUNK_ROWS) {
    const { weight } = await decoderOf(m, i, [from, Math.min(from + CHUNK_ROWS, bias.length)]);
    const column = await la.gemm(weight, constant);
    await la.inspect(column, (values) => {
      for (let j = 0; j < column.rows; j++) bias[from + j] += plan.source_weights[i] * values[j];
    });
    for (const held of [weight, column]) la.dispose(held);
  }
}

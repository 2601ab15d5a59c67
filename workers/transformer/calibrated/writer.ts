import type { LinearAlgebra, Matrix } from '../../linalg/contract.js';
import { type Control, checkCancelled } from '../control.js';
import { batchesOf, type Tokens } from '../forward/batch.js';
import { normalise } from '../forward/norm.js';
import { applyLinear } from '../forward/run.js';
import type { Linear } from '../model.js';
import type { RidgeFit } from './ridge.js';

/** How large a post-norm target is beside the incoming stream; the fit is linear in κ, so each costs one pass of additions. */
const KAPPAS = [0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.4, 1.6, 1.8, 2.0];

export interface WriterData {
  /** Head outputs or units [tokens, m], targets T and the carried stream h, both [tokens, r], of one batch. */
  batch(
    batch: Tokens & { first: number },
  ): Promise<{ hidden: Float32Array; target: Float32Array; carry: Float32Array }>;
}

/** [m (+1), columns from…to) of a ridge solution as a linear map, out × in. */
async function asLinear(
  la: LinearAlgebra,
  solution: Matrix,
  from: number,
  to: number,
  intercept: boolean,
): Promise<Linear> {
  const values = await la.download(solution);
  const m = solution.rows - (intercept ? 1 : 0);
  const weight = new Float32Array((to - from) * m);
  for (let i = 0; i < m; i++)
    for (let j = from; j < to; j++) weight[(j - from) * m + i] = values[i * solution.cols + j];
  const bias = intercept ? Float32Array.from(values.subarray(m * solution.cols + from, m * solution.cols + to)) : null;
  return { weight: la.upload(weight, to - from, m), bias };
}

/** Pre-norm: the targets were T − x already. */
export const plainWriter = async (la: LinearAlgebra, fit: RidgeFit, r: number, intercept: boolean): Promise<Linear> =>
  asLinear(la, await fit.solve(intercept), 0, r, intercept);

/**
 * Post-norm: regressions to T and to h separately give R(κ) = κ·R_T − R_h for every κ; the best is that whose normed
 * sum comes closest to the normed target over the data.
 * @param fit targets are [T, h], 2·r columns.
 */
export async function postNormWriter(
  la: LinearAlgebra,
  fit: RidgeFit,
  r: number,
  intercept: boolean,
  tokens: Tokens,
  data: WriterData,
  { signal }: Control,
): Promise<{ linear: Linear; kappa: number }> {
  const solution = await fit.solve(intercept);
  const [toTarget, toCarry] = [
    await asLinear(la, solution, 0, r, intercept),
    await asLinear(la, solution, r, 2 * r, intercept),
  ];
  const errors = new Float64Array(KAPPAS.length);
  for (const batch of batchesOf(tokens)) {
    checkCancelled(signal);
    const { hidden, target, carry } = await data.batch(batch);
    const u = la.upload(hidden, batch.ids.length, hidden.length / batch.ids.length);
    const [zt, zh] = [await applyLinear(la, u, toTarget), await applyLinear(la, u, toCarry)];
    const [a, b] = [await la.download(zt), await la.download(zh)];
    const goal = normalise(target, r, 'layer', 1e-12).unit;
    KAPPAS.forEach((kappa, index) => {
      const sum = new Float32Array(a.length);
      for (let i = 0; i < a.length; i++) sum[i] = carry[i] + kappa * a[i] - b[i];
      const { unit } = normalise(sum, r, 'layer', 1e-12);
      for (let t = 0; t < batch.ids.length; t++) {
        if (batch.attention && !batch.attention[t]) continue;
        for (let i = t * r; i < (t + 1) * r; i++) errors[index] += (unit[i] - goal[i]) ** 2;
      }
    });
    for (const m of [u, zt, zh]) la.dispose(m);
  }
  const kappa = KAPPAS[errors.indexOf(Math.min(...errors))];
  const weight = (await la.download(toTarget.weight)).map((v) => v * kappa) as Float32Array;
  const other = await la.download(toCarry.weight);
  for (let i = 0; i < weight.length; i++) weight[i] -= other[i];
  const bias = toTarget.bias ? toTarget.bias.map((v, j) => kappa * v - toCarry.bias![j]) : null;
  return { linear: { weight: la.upload(weight, toTarget.weight.rows, toTarget.weight.cols), bias }, kappa };
}

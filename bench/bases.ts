import { notebookModel } from '../src/quickstart/notebook-data.js';
import type { Metrics } from '../src/schemas/metrics.js';
import type { LinearAlgebra, Matrix, Precision } from '../workers/linalg/contract.js';
import { median, runJob, timed, writeNotebook } from './jobs.js';

const RUNS = 3;
const WIDTHS = [520, 600, 700, 768, 900];

/** Weight PCA against balanced bases on the notebook's chain: error at several widths, and what it costs at 768. */
export async function bases(la: LinearAlgebra, folder: string, say: (line?: string) => void): Promise<void> {
  await writeNotebook(folder);
  const run = async (basis: 'weight' | 'balanced', width?: number) =>
    (await runJob(la, folder, ['a', 'b'], { model: notebookModel(width), method: { basis } })) as Metrics;
  say('## Balanced bases (the notebook job, error of the whole map)');
  say();
  say('| width of h0 | weight PCA | balanced | its bound | weight ÷ balanced |');
  say('|---|---|---|---|---|');
  for (const width of WIDTHS) {
    const [weight, balanced] = [await run('weight', width), await run('balanced', width)];
    const error = (m: Metrics) => m.end_to_end.map_relative_error as number;
    say(
      `| ${width} | ${error(weight).toExponential(3)} | ${error(balanced).toExponential(3)} | ${balanced.spaces[0].tail_relative_error.toExponential(3)} | ${(error(weight) / error(balanced)).toFixed(2)} |`,
    );
  }
  say();
  const seconds: Record<'weight' | 'balanced', number[]> = { weight: [], balanced: [] };
  await run('balanced');
  for (let i = 0; i < RUNS; i++)
    for (const basis of ['weight', 'balanced'] as const) {
      const { timings } = await run(basis);
      seconds[basis].push(timings.basis_s + timings.fold_s);
    }
  const [weight, balanced] = [median(seconds.weight), median(seconds.balanced)];
  const floor = await balancedFloor(la);
  const ms = (s: number) => `${(s * 1000).toFixed(0)} ms`;
  say('| bases and fold | time | ratio |');
  say('|---|---|---|');
  say(`| weight PCA | ${ms(weight)} | |`);
  say(`| balanced | ${ms(balanced)} | ${(balanced / weight).toFixed(2)} × weight PCA |`);
  say(
    `| balanced, its own floor (products, QR, SVD, padding alone) | ${ms(floor)} | ${(balanced / floor).toFixed(2)} |`,
  );
  say();
}

/** The products and decompositions a balanced merge of the notebook's chain cannot do without, in memory. */
async function balancedFloor(la: LinearAlgebra): Promise<number> {
  const random = (rows: number, cols: number, precision: Precision): Matrix => {
    const data = precision === 'float64' ? new Float64Array(rows * cols) : new Float32Array(rows * cols);
    for (let i = 0; i < data.length; i++) data[i] = Math.random() - 0.5;
    return la.upload(data, rows, cols);
  };
  const f64 = (rows: number, cols: number) => random(rows, cols, 'float64');
  const f32 = (rows: number, cols: number) => random(rows, cols, 'float32');
  const [w0, w1, w2] = [f64(512, 1000), f64(2048, 512), f64(1000, 2048)];
  const [square, thin, u0, u1] = [f64(512, 512), f64(512, 384), f64(384, 512), f64(384, 1000)];
  const [l1, e1] = [f64(2048, 384), await la.orthonormalize(f64(384, 2048))];
  const tall = f64(512, 1000);
  const [s0, s1, s2] = [f32(512, 1000), f32(2048, 512), f32(1000, 2048)];
  const [e0s, f0s, e1s, f1s] = [f32(384, 512), f32(512, 384), f32(384, 2048), f32(2048, 1536)];
  const times = async (x: Matrix, y: Matrix, options = {}) => la.dispose(await la.gemm(x, y, options));
  const decompose = async (x: Matrix) => {
    const { u, v } = await la.svd(await la.cast(x, 'float64'));
    for (const m of [u, v]) la.dispose(m);
  };
  const wide = f64(384, 1000);
  return timed(RUNS, async () => {
    for (let source = 0; source < 2; source++) {
      await times(w2, w1); // Q_0
      for (let side = 0; side < 2; side++) {
        la.dispose(await la.orthonormalize(await la.cast(tall, 'float64'))); // of Q_0ᵀ and of W_0
        await times(tall, w0, { transB: true });
      }
      await times(square, square); // R·L
      await decompose(square);
      await times(u0, square); // E_0, F_0
      await times(u0, square);
      await times(w1, thin); // L_1
      await times(w2, l1); // Q_1·L_1
      await decompose(wide);
      await times(u1, w2); // E_1, F_1
      la.dispose(await la.complement(e1, 1152)); // padding of F_1
      for (const [x, y] of [
        [e0s, s0],
        [s1, f0s],
        [e1s, s1],
        [s2, f1s],
      ])
        await times(x, y);
    }
  });
}

import { spawnSync } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { notebookData, notebookModel, writeNotebookModel } from '../src/quickstart/notebook-data.js';
import { encodeFloats } from '../src/safetensors/dtype.js';
import { SafetensorsWriter } from '../src/safetensors/writer.js';
import type { Metrics } from '../src/schemas/metrics.js';
import type { LinearAlgebra, Matrix, Precision } from '../workers/linalg/contract.js';
import { CANDIDATES } from '../workers/linalg/registry.js';
import { median, runJob, timed } from './jobs.js';

const SIZES = [2048, 4096, 8192, 16384];
const RUNS = 5;
/** Order of the float32 product that is taken for the card's peak, and bytes of the copy for its bandwidth. */
const PEAK_ORDER = 8192;

interface Reference {
  torch: string;
  notebook: number;
  embedding: number;
  sizes: Record<string, { eigh: number; pca_lowrank: number; gemm: number }>;
}

/** Merges and large matrices on this machine's GPU, beside PyTorch on the same one; without a GPU, why there is none. */
export async function gpu(_: LinearAlgebra, folder: string, say: (line?: string) => void): Promise<void> {
  say('## GPU');
  say();
  const reasons: string[] = [];
  for (const { title, open } of CANDIDATES) {
    const la = await open({
      COMPUTE_THREADS: availableParallelism(),
      COMPUTE_DEVICE: 0,
      COMPUTE_TF32: false,
      WORKER_CONCURRENCY: 1,
    }).catch((error: Error) => {
      reasons.push(`${title}: ${error.message}`);
      return null;
    });
    if (la?.info.device) return measure(la, folder, say);
  }
  say('Not measured: no GPU can be used on this machine. `npm run bench -- gpu` measures on one that has a card.');
  say();
  for (const reason of reasons) say(`- ${reason}`);
  say();
}

async function measure(la: LinearAlgebra, folder: string, say: (line?: string) => void): Promise<void> {
  const data = notebookData();
  for (const name of ['a', 'b'] as const) {
    await mkdir(path.join(folder, name), { recursive: true });
    await writeNotebookModel(path.join(folder, name, 'model.safetensors'), data[name]);
  }
  const reference = runReference(folder);
  say(`${la.info.device}, ${la.info.library}; PyTorch ${reference?.torch ?? 'not installed or without a GPU'}.`);
  say();
  const peak = await gemmSeconds(la, PEAK_ORDER);
  const flops = (2 * PEAK_ORDER ** 3) / peak;
  const wide = await gramSeconds(la, PEAK_ORDER / 2);
  const wideFlops = (PEAK_ORDER / 2) ** 3 / wide;
  const bandwidth = await copyBandwidth(la, PEAK_ORDER);
  say(
    `Measured peaks: float32 products ${tera(flops)}, float64 Grams ${tera(wideFlops)} (n²·k), copies ${(bandwidth / 1e9).toFixed(0)} GB/s.`,
  );
  say();
  say('| job | weightfold, merge | PyTorch, in memory | ratio |');
  say('|---|---|---|---|');
  const row = (name: string, own: number, other: number | undefined) =>
    say(
      `| ${name} | ${seconds(own)} | ${other === undefined ? '–' : seconds(other)} | ${other === undefined ? '–' : (other / own).toFixed(1)} |`,
    );
  row('notebook, padding zero, which is the notebook’s', await notebook(la, folder), reference?.notebook);
  row('embedding 30522 × 768 to 512', await embedding(la, folder), reference?.embedding);
  say();
  say(
    '| n | eigh, float64 | torch.linalg.eigh | ratio | floor: 4/3·n³ at the Gram’s rate | torch.pca_lowrank, q = n/2 | fold (product) | share of peak |',
  );
  say('|---|---|---|---|---|---|---|---|');
  for (const n of SIZES) {
    const other = reference?.sizes[n];
    const [own, fold] = [await eighSeconds(la, n), await gemmSeconds(la, n)];
    const ratio = other ? (own / other.eigh).toFixed(2) : '–';
    say(
      `| ${n} | ${seconds(own)} | ${other ? seconds(other.eigh) : '–'} | ${ratio} | ${seconds(((4 / 3) * n ** 3) / wideFlops)} | ${other ? seconds(other.pca_lowrank) : '–'} | ${seconds(fold)} | ${((100 * (2 * n ** 3)) / fold / flops).toFixed(0)} % |`,
    );
  }
  say();
}

const seconds = (s: number) => (s < 1 ? `${(1000 * s).toFixed(1)} ms` : `${s.toFixed(2)} s`);
const tera = (rate: number) => `${(rate / 1e12).toFixed(2)} TFLOP/s`;

function random(la: LinearAlgebra, rows: number, cols: number, precision: Precision): Matrix {
  const values = precision === 'float64' ? new Float64Array(rows * cols) : new Float32Array(rows * cols);
  for (let i = 0; i < values.length; i++) values[i] = Math.random() - 0.5;
  return la.upload(values, rows, cols);
}

/** The device works behind the caller's back: one number of the result waits for it. */
const settled = (la: LinearAlgebra, a: Matrix) => la.download(la.view(a, 0, 1, 0, 1));

async function gemmSeconds(la: LinearAlgebra, n: number): Promise<number> {
  const [a, c] = [random(la, n, n, 'float32'), la.zeros(n, n, 'float32')];
  const time = await timed(RUNS, async () => settled(la, await la.gemm(a, a, { out: c })));
  for (const m of [a, c]) la.dispose(m);
  return time;
}

async function gramSeconds(la: LinearAlgebra, n: number): Promise<number> {
  const [a, c] = [random(la, n, n, 'float64'), la.zeros(n, n, 'float64')];
  const time = await timed(RUNS, async () => settled(la, await la.syrk(a, { out: c })));
  for (const m of [a, c]) la.dispose(m);
  return time;
}

async function copyBandwidth(la: LinearAlgebra, n: number): Promise<number> {
  const [a, c] = [la.zeros(n, n, 'float32'), la.zeros(n, n, 'float32')];
  const time = await timed(RUNS, async () => {
    await la.copy(a, c);
    await settled(la, c);
  });
  for (const m of [a, c]) la.dispose(m);
  return (2 * 4 * n * n) / time;
}

async function eighSeconds(la: LinearAlgebra, n: number): Promise<number> {
  const a = random(la, n, n, 'float32');
  const wide = await la.cast(a, 'float64');
  la.dispose(a);
  const gram = await la.syrk(wide);
  const times: number[] = [];
  for (let run = 0; run < 2; run++) {
    await la.copy(gram, wide);
    await settled(la, wide);
    const start = performance.now();
    const [{ vectors }] = await la.eigh([wide]);
    await settled(la, vectors);
    times.push((performance.now() - start) / 1000);
  }
  for (const m of [gram, wide]) la.dispose(m);
  return times[1];
}

const mergeSeconds = ({ timings: t }: Metrics) => t.basis_s + t.fold_s;

async function notebook(la: LinearAlgebra, folder: string): Promise<number> {
  const times: number[] = [];
  for (let run = 0; run <= RUNS; run++) {
    const spec = { model: notebookModel(), method: { padding: 'zero' as const } };
    times.push(mergeSeconds((await runJob(la, folder, ['a', 'b'], spec)) as Metrics));
  }
  return median(times.slice(1));
}

async function embedding(la: LinearAlgebra, folder: string): Promise<number> {
  const shape = [30522, 384];
  for (const name of ['e', 'f']) {
    await mkdir(path.join(folder, name), { recursive: true });
    const writer = await SafetensorsWriter.create(path.join(folder, name, 'model.safetensors'), [
      { name: 'e', dtype: 'F32', shape },
    ]);
    await writer.write(
      encodeFloats(
        Float32Array.from({ length: shape[0] * shape[1] }, () => Math.random() - 0.5),
        'F32',
      ),
    );
    await writer.finish(false);
  }
  const model = { family: 'embedding' as const, tensor: 'e', width: 512 };
  const times: number[] = [];
  for (let run = 0; run <= RUNS; run++)
    times.push(mergeSeconds((await runJob(la, folder, ['e', 'f'], { model })) as Metrics));
  return median(times.slice(1));
}

function runReference(folder: string): Reference | undefined {
  const { status, stdout, stderr } = spawnSync('python3', ['bench/gpu_reference.py', folder, SIZES.join(',')], {
    encoding: 'utf8',
  });
  if (status === 0) return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Reference;
  process.stderr.write(`PyTorch on the GPU skipped: ${stderr.trim().split('\n').at(-1)}\n`);
  return undefined;
}

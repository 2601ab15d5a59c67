import { spawnSync } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { notebookData, notebookModel, writeNotebookModel } from '../src/quickstart/notebook-data.js';
import { encodeFloats } from '../src/safetensors/dtype.js';
import { SafetensorsFile } from '../src/safetensors/file.js';
import { SafetensorsWriter } from '../src/safetensors/writer.js';
import type { LinearAlgebra } from '../workers/linalg/contract.js';
import { CpuBackend } from '../workers/linalg/cpu/backend.js';
import { notebookFloor } from './floor.js';
import { median, runJob, timed } from './jobs.js';

const RUNS = 5;
const REFERENCE_RUNS = 1;
const RESULTS = 'bench/RESULTS.md';
const lines: string[] = [];
const say = (line = '') => {
  lines.push(line);
  console.log(line);
};
const ms = (seconds: number) => `${(seconds * 1000).toFixed(0)} ms`;

async function notebook(la: LinearAlgebra, folder: string): Promise<void> {
  const { a, b } = notebookData();
  for (const [name, weights] of [
    ['a', a],
    ['b', b],
  ] as const) {
    await mkdir(path.join(folder, name), { recursive: true });
    await writeNotebookModel(path.join(folder, name, 'model.safetensors'), weights);
  }
  const floor = await notebookFloor(la, RUNS);
  const all = [];
  for (let run = 0; run <= RUNS; run++) all.push(await runJob(la, folder, ['a', 'b'], { model: notebookModel() }));
  const metrics = all.slice(1);
  const of = (pick: (m: (typeof metrics)[0]) => number) => median(metrics.map(pick));
  const merge = of(({ timings: t }) => t.basis_s + t.fold_s);
  const compute = of(({ timings: t }) => t.basis_s + t.fold_s + t.evaluate_s);
  const total = of(({ timings: t }) => t.total_s);
  const tensor = (i: number) => metrics[0].tensors[i].mean_abs_error;
  const reference = runReference(folder);
  say('## The notebook job (2 × [512,1000], [2048,512], [1000,2048] to 768 and 3072, diag)');
  say();
  say('| | weightfold, exact | PyTorch, the notebook’s steps | ratio |');
  say('|---|---|---|---|');
  const ratio = (seconds: number) => (reference ? `${(reference.seconds / seconds).toFixed(1)} ×` : '–');
  const slow = reference ? `${reference.seconds.toFixed(2)} s` : 'not installed';
  say(`| merge (bases and fold) | ${ms(merge)} | ${slow} (with its error checks) | ${ratio(merge)} |`);
  say(`| merge and all metrics | ${ms(compute)} | ${slow} | ${ratio(compute)} |`);
  say(`| whole job, files to files | ${ms(total)} | ${slow} (in memory) | ${ratio(total)} |`);
  say(`| W_0 mean error | ${tensor(0).toExponential(4)} | ${reference?.w0.toExponential(4) ?? '–'} | |`);
  say(`| W_1 mean error | ${tensor(1).toExponential(2)} | ${reference?.w1.toExponential(2) ?? '–'} | |`);
  say(
    `| output mean error | ${metrics[0].end_to_end.mean_abs_error.toExponential(3)} | ${reference?.output.toExponential(3) ?? '–'} | |`,
  );
  say();
  if (reference)
    say(
      `PyTorch ${reference.torch}, ${reference.threads} threads, its float32 GEMM at ${reference.gemm_gflops.toFixed(0)} GFLOP/s here.`,
    );
  say();
  say('| against its own floor | job | floor | ratio |');
  say('|---|---|---|---|');
  say(`| merge | ${ms(merge)} | ${ms(floor.merge)} | ${(merge / floor.merge).toFixed(2)} |`);
  say(
    `| merge and all metrics | ${ms(compute)} | ${ms(floor.merge + floor.evaluate)} | ${(compute / (floor.merge + floor.evaluate)).toFixed(2)} |`,
  );
  say();
  say(`Peak memory of the process: ${(Math.max(...metrics.map((m) => m.peak_memory_bytes)) / 1e6).toFixed(0)} MB.`);
  say();
}

interface Reference {
  seconds: number;
  w0: number;
  w1: number;
  output: number;
  torch: string;
  threads: number;
  gemm_gflops: number;
}

/** The same steps in PyTorch with the same OpenBLAS kernel, if the system's Python has it. */
function runReference(folder: string): Reference | undefined {
  const { status, stdout, stderr } = spawnSync(
    '/usr/bin/python3',
    ['bench/notebook_reference.py', folder, String(REFERENCE_RUNS)],
    {
      encoding: 'utf8',
      env: process.env,
    },
  );
  if (status === 0) return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Reference;
  process.stderr.write(
    `PyTorch reference skipped (Debian: apt-get install python3-torch python3-numpy): ${stderr.trim().split('\n').at(-1)}\n`,
  );
  return undefined;
}

async function scaling(la: LinearAlgebra, folder: string): Promise<void> {
  say('## Width (two layers d × d, two sources, to 1.5 d, diag)');
  say();
  say('| d | bases | fold | metrics | whole job | peak memory |');
  say('|---|---|---|---|---|---|');
  for (const d of [256, 512, 1024, 2048, 4096]) {
    for (const name of ['a', 'b']) await writeSquare(path.join(folder, name), d);
    const model = { family: 'chain' as const, layers: [{ weight: '0', width: 1.5 * d }, { weight: '1' }] };
    const { timings: t, peak_memory_bytes } = await runJob(la, folder, ['a', 'b'], { model });
    say(
      `| ${d} | ${ms(t.basis_s)} | ${ms(t.fold_s)} | ${ms(t.evaluate_s)} | ${ms(t.total_s)} | ${(peak_memory_bytes / 1e6).toFixed(0)} MB |`,
    );
  }
  say();
}

async function writeSquare(folder: string, d: number): Promise<void> {
  await mkdir(folder, { recursive: true });
  const tensors = ['0', '1'].map((name) => ({ name, dtype: 'F32' as const, shape: [d, d] }));
  const writer = await SafetensorsWriter.create(path.join(folder, 'model.safetensors'), tensors);
  for (let l = 0; l < 2; l++)
    await writer.write(
      encodeFloats(
        Float32Array.from({ length: d * d }, () => Math.random() - 0.5),
        'F32',
      ),
    );
  await writer.finish(false);
}

async function files(folder: string): Promise<void> {
  const [source, target] = [path.join(folder, 'big.safetensors'), path.join(folder, 'copy')];
  const shape = [8192, 4096];
  const values = new Float32Array(shape[0] * shape[1]).map(Math.random);
  const write = async () => {
    const writer = await SafetensorsWriter.create(source, [{ name: 'w', dtype: 'F32', shape }]);
    await writer.write(encodeFloats(values, 'F32'));
    await writer.finish(false);
  };
  const read = async () => {
    const file = await SafetensorsFile.open(source);
    for (let from = 0; from < shape[0]; from += 512) await file.floats('w', 'float32', { rows: [from, from + 512] });
    await file.close();
  };
  const [writing, reading, copying] = [
    await timed(3, write),
    await timed(3, read),
    await timed(3, () => copyFile(source, target)),
  ];
  const { size } = await stat(source);
  say(`## Safetensors (${(size / 1e6).toFixed(0)} MB, page cache)`);
  say();
  say('| | time | rate | against a file copy |');
  say('|---|---|---|---|');
  for (const [name, seconds] of [
    ['write, hashed', writing],
    ['read, decoded', reading],
    ['file copy', copying],
  ] as const)
    say(`| ${name} | ${ms(seconds)} | ${(size / seconds / 1e9).toFixed(2)} GB/s | ${(seconds / copying).toFixed(2)} |`);
  say();
}

const folder = await mkdtemp(path.join(os.tmpdir(), 'weightfold-bench-'));
try {
  const la = new CpuBackend();
  say('# Results of `npm run bench`');
  say();
  say(
    `${os.cpus()[0].model.trim()}, ${la.info.threads} cores, ${la.info.library}, Node ${process.versions.node}. Medians of ${RUNS} runs after a warm-up; everything below was measured in one run.`,
  );
  say();
  await notebook(la, folder);
  await scaling(la, folder);
  await files(folder);
  await writeFile(RESULTS, `${lines.join('\n').trimEnd()}\n`);
} finally {
  await rm(folder, { recursive: true, force: true });
}

import { spawnSync } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { notebookModel } from '../src/quickstart/notebook-data.js';
import { encodeFloats } from '../src/safetensors/dtype.js';
import { SafetensorsFile } from '../src/safetensors/file.js';
import { SafetensorsWriter } from '../src/safetensors/writer.js';
import type { Metrics } from '../src/schemas/metrics.js';
import { computeEnvironment } from '../workers/compute-environment.js';
import type { LinearAlgebra } from '../workers/linalg/contract.js';
import { CpuBackend } from '../workers/linalg/cpu/backend.js';
import { api } from './api.js';
import { bases } from './bases.js';
import { BERT_BASE, bertFloor, processorSeconds, secondsOf, writeBert } from './bert-base.js';
import { notebookFloor } from './floor.js';
import { gpu } from './gpu.js';
import { median, runJob, timed, writeNotebook } from './jobs.js';
import { planFigures } from './plan.js';

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
  await writeNotebook(folder);
  const floor = await notebookFloor(la, RUNS);
  const all: Metrics[] = [];
  for (let run = 0; run <= RUNS; run++)
    all.push((await runJob(la, folder, ['a', 'b'], { model: notebookModel() })) as Metrics);
  const metrics = all.slice(1);
  // The notebook's pseudo-inverse leaves zero columns where the rank ends: its like is padding zero.
  const zero: Metrics[] = [];
  for (let run = 0; run < RUNS; run++)
    zero.push(
      (await runJob(la, folder, ['a', 'b'], { model: notebookModel(), method: { padding: 'zero' } })) as Metrics,
    );
  const of = (pick: (m: Metrics) => number, list = metrics) => median(list.map(pick));
  const zeroMerge = of(({ timings: t }) => t.basis_s + t.fold_s, zero);
  const merge = of(({ timings: t }) => t.basis_s + t.fold_s);
  const compute = of(({ timings: t }) => t.basis_s + t.fold_s + t.evaluate_s);
  const total = of(({ timings: t }) => t.total_s);
  const tensor = (i: number) => metrics[0].tensors[i].mean_abs_error;
  const reference = runReference(folder, la.info.threads);
  say('## The notebook job (2 × [512,1000], [2048,512], [1000,2048] to 768 and 3072, diag)');
  say();
  say('| | weightfold, exact | PyTorch, the notebook’s steps | ratio |');
  say('|---|---|---|---|');
  const ratio = (seconds: number) => (reference ? `${(reference.seconds / seconds).toFixed(1)} ×` : '–');
  const slow = reference ? `${reference.seconds.toFixed(2)} s` : 'not installed';
  say(
    `| merge (bases and fold), padding zero, which is the notebook’s | ${ms(zeroMerge)} | ${slow} (with its error checks) | ${ratio(zeroMerge)} |`,
  );
  say(`| merge, padding orthonormal, the default | ${ms(merge)} | ${slow} | ${ratio(merge)} |`);
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
      `PyTorch ${reference.torch}, ${reference.threads} threads, the same OpenBLAS: its float32 GEMM runs at ${reference.gemm_gflops.toFixed(0)} GFLOP/s here.`,
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
function runReference(folder: string, threads: number): Reference | undefined {
  const { status, stdout, stderr } = spawnSync(
    '/usr/bin/python3',
    ['bench/notebook_reference.py', folder, String(REFERENCE_RUNS), String(threads)],
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

async function files(_: LinearAlgebra, folder: string): Promise<void> {
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

/** Two random BERT-base models to 1.5 times the width, in a process of its own so that its peak memory is its own. */
async function bertBase(la: LinearAlgebra, folder: string): Promise<void> {
  const [hidden, heads, ffn] = [1152, 18, 4608];
  for (const name of ['a', 'b']) await writeBert(path.join(folder, name), BERT_BASE);
  const [started, idle] = [performance.now(), process.cpuUsage()];
  const { timings, peak_memory_bytes } = await runJob(la, folder, ['a', 'b'], {
    model: { family: 'auto' },
    target: { hidden_size: hidden, num_attention_heads: heads, intermediate_size: ffn },
  });
  const total = (performance.now() - started) / 1000;
  const worked = processorSeconds(idle);
  const output = path.join(folder, 'job', 'artifacts', 'model.safetensors');
  const { floor, processor } = await bertFloor(
    la,
    ['a', 'b'].map((name) => path.join(folder, name)),
    output,
    BERT_BASE,
    hidden,
  );
  const { evaluate_s: errors } = timings;
  const least = secondsOf(floor);
  const part = (seconds: number) => `${seconds.toFixed(1)} s`;
  const joint = 2 * BERT_BASE.hidden;
  const bound = 4 * BERT_BASE.vocabulary * hidden * 4 + 24 * joint ** 2 + 300e6;
  say('## A BERT-base pair (2 × 12 layers × 768, 30522) to 1152 wide, closed form');
  say();
  say('| | figure | bound |');
  say('|---|---|---|');
  say(
    `| plan, merge, files written and verified | ${part(total - errors)} | ${part(least)} by its floor, ratio ${((total - errors) / least).toFixed(2)} |`,
  );
  const bare = least - floor.leastSquares;
  say(
    `| the same beside a floor that drops units without folding them | | ${part(bare)}, ratio ${((total - errors) / bare).toFixed(2)} |`,
  );
  say(
    `| the errors of every tensor, a step of its own | ${part(errors)} | with them ratio ${(total / least).toFixed(2)} |`,
  );
  say(
    `| processor time of all of it, on any thread | ${part(worked)} | ${part(processor)}, ratio ${(worked / processor).toFixed(2)} |`,
  );
  say(
    `| peak memory | ${(peak_memory_bytes / 1e6).toFixed(0)} MB | 4 × largest tensor + 24·D² + 300 MB = ${(bound / 1e6).toFixed(0)} MB |`,
  );
  say();
  say(
    `The floor, in the same process after it: both sources read once ${part(floor.read)}, the writers’ Grams in float64 ${part(floor.grams)}, one eigenproblem of width ${joint} ${part(floor.eigenproblem)}, one float32 product per tensor and side ${part(floor.products)}, the least squares that fold dropped units into kept ones ${part(floor.leastSquares)}, the result written ${part(floor.write)}. It holds nothing of the dropped heads, of importances, kernels and norms.`,
  );
  say();
}

/** Estimates of `POST /v1/jobs/plan` beside what the jobs then took, each through a service of its own. */
async function plan(_: LinearAlgebra, folder: string): Promise<void> {
  say('## Plans (estimated before the job ran, from the speed its worker measured at its start)');
  say();
  say('| job | estimated | took | ratio | memory, estimated | peak | ratio |');
  say('|---|---|---|---|---|---|---|');
  for (const { name, seconds: t, bytes: m } of await planFigures(folder, process.argv[3]))
    say(
      `| ${name} | ${t.estimated.toFixed(2)} s | ${t.actual.toFixed(2)} s | ${(t.estimated / t.actual).toFixed(2)} | ${(m.estimated / 1e6).toFixed(0)} MB | ${(m.actual / 1e6).toFixed(0)} MB | ${(m.estimated / m.actual).toFixed(2)} |`,
    );
  say();
}

const onGpu = (la: LinearAlgebra, folder: string) => gpu(la, folder, say);

/** Parts by name: `npm run bench -- notebook` runs one of them and prints it; without names all, into RESULTS.md. */
const PARTS = {
  notebook,
  bases: (la: LinearAlgebra, folder: string) => bases(la, folder, say),
  scaling,
  files,
  'bert-base': bertBase,
  gpu: onGpu,
  plan,
  api: (_: LinearAlgebra, folder: string) => api(folder, say),
};

const chosen = process.argv.slice(2).filter((name) => name in PARTS) as (keyof typeof PARTS)[];
/** Marks a process that was started for one part, with the environment the worker gives its compute processes. */
const PART_PROCESS = 'WEIGHTFOLD_BENCH_PART';

function ownProcess(args: readonly string[]): string {
  const { stdout, status } = spawnSync(process.execPath, [process.argv[1], ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...computeEnvironment(), [PART_PROCESS]: '1' },
  });
  if (status !== 0) throw new Error(`The part ${args[0]} failed.`);
  return stdout.trimEnd();
}

if (process.env[PART_PROCESS]) {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'weightfold-bench-'));
  await PARTS[chosen[0]](new CpuBackend(), folder).finally(() => rm(folder, { recursive: true, force: true }));
} else if (chosen.length > 0) {
  const options = process.argv.slice(2).filter((name) => !(name in PARTS));
  for (const part of chosen) console.log(ownProcess([part, ...options]));
} else {
  const { info } = new CpuBackend();
  say('# Results of `npm run bench`');
  say();
  say(
    `${os.cpus()[0].model.trim()}, ${info.threads} cores, ${info.library}, Node ${process.versions.node}. Medians of ${RUNS} runs after a warm-up where a run takes less than a second, single runs otherwise; everything below was measured in one run, each part in a process of its own.`,
  );
  say();
  for (const part of Object.keys(PARTS)) {
    say(ownProcess([part]));
    say();
  }
  await writeFile(RESULTS, `${lines.join('\n').trimEnd()}\n`);
}

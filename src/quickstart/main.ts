import { fork } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { endWithReader } from '../end-with-reader.js';
import { isTerminal, type Job } from '../schemas/job.js';
import type { Metrics } from '../schemas/metrics.js';
import { QuickstartClient } from './client.js';
import { notebookData, notebookModel, writeNotebookModel } from './notebook-data.js';
import { resultTable } from './table.js';

const SERVICE = fileURLToPath(new URL('../start.js', import.meta.url));
const DEFAULT_PORT = 8080;
const READY_TIMEOUT_MS = 30_000;
const POLL_MS = 100;
/** pino's number for it. */
const WARN = 40;

endWithReader();

const say = (text = '') => console.log(text);

/** The default port where it is free, so that the printed commands are the usual ones; any free one otherwise. */
async function choosePort(): Promise<number> {
  const wanted = Number(process.env.PORT ?? DEFAULT_PORT);
  for (const port of [wanted, 0]) {
    const server = createServer();
    const free = await new Promise<number | undefined>((resolve) => {
      server.once('error', () => resolve(undefined));
      server.listen(port, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
    });
    await new Promise((resolve) => server.close(resolve));
    if (free !== undefined) return free;
  }
  throw new Error('No free port on 127.0.0.1.');
}

/** Of a service's log what people must see, unless they asked for all of it: audit lines come whatever LOG_LEVEL is. */
function showLog(log: Readable): void {
  createInterface(log).on('line', (line) => {
    if (process.env.LOG_LEVEL || !line.startsWith('{')) return say(line);
    const { level, msg, err } = JSON.parse(line) as { level: number; msg: string; err?: { message: string } };
    if (level >= WARN) say(`  service: ${msg}${err ? `: ${err.message}` : ''}`);
  });
}

async function startService(port: number) {
  const child = fork(SERVICE, {
    env: { ...process.env, HOST: '127.0.0.1', PORT: String(port) },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  showLog(child.stdout as Readable);
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const client = new QuickstartClient(`http://127.0.0.1:${port}`);
  const deadline = Date.now() + READY_TIMEOUT_MS;
  while (!(await client.ready())) {
    if (child.exitCode !== null) throw new Error('The service did not start; its message is above.');
    if (Date.now() > deadline) throw new Error(`The service was not ready within ${READY_TIMEOUT_MS / 1000} s.`);
    await sleep(POLL_MS);
  }
  const stop = async () => {
    child.kill('SIGTERM');
    await gone;
  };
  return { client, stop, gone };
}

async function uploadModels(client: QuickstartClient): Promise<void> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'weightfold-'));
  try {
    const { a, b } = notebookData();
    for (const [name, weights] of [
      ['notebook-a', a],
      ['notebook-b', b],
    ] as const) {
      const file = path.join(folder, `${name}.safetensors`);
      await writeNotebookModel(file, weights);
      await client.upload(name, 'model.safetensors', file);
      say(`  uploaded ${name}`);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function follow(client: QuickstartClient, label: string, submitted: Job): Promise<Metrics> {
  let job = submitted;
  let shown = '';
  while (!isTerminal(job.status)) {
    const { phase, fraction } = job.progress;
    const line = `  ${label}: ${job.status}, ${phase} ${Math.round(fraction * 100)} %`;
    if (line !== shown) say(line);
    shown = line;
    await sleep(POLL_MS);
    job = await client.job(job.id);
  }
  if (job.status !== 'succeeded') throw new Error(`Job ${job.id} ${job.status}: ${job.error?.message ?? ''}`);
  const metrics = await client.metrics(job.id);
  say(`  ${label}: succeeded in ${metrics.timings.total_s.toFixed(2)} s (${metrics.environment.library})`);
  return metrics;
}

function nextSteps(url: string, id: string, kept: boolean): string {
  return [
    kept
      ? `The service runs at ${url} until Ctrl-C. Try:`
      : 'The service has stopped; its data is kept. Start it again with `npm start`, then:',
    '',
    `  curl ${url}/v1/jobs/${id}`,
    `  curl '${url}/v1/jobs/${id}/metrics?format=csv'`,
    `  curl -O ${url}/v1/jobs/${id}/artifacts/model.safetensors`,
    '',
    `Its pages: ${url} (jobs, reports, new merges) and ${url}/docs (the API, to read and try).`,
  ].join('\n');
}

async function main(): Promise<void> {
  const keep = process.argv.includes('--keep');
  say('Starting the service (API, queue, one worker) …');
  const port = await choosePort();
  const { client, stop, gone } = await startService(port);
  try {
    say('Making the notebook’s two models (MT19937, seed 33) …');
    await uploadModels(client);
    say('Merging them to 768 and 3072 units, together (diag) and one by one (separate) …');
    const sources = [{ checkpoint: 'notebook-a' }, { checkpoint: 'notebook-b' }];
    const submit = (mode: 'diag' | 'separate') =>
      client.submit({
        name: `notebook, ${mode}`,
        labels: { from: 'quickstart' },
        sources,
        model: notebookModel(),
        method: { mode },
      });
    const [diag, separate] = [await submit('diag'), await submit('separate')];
    const metrics = { diag: await follow(client, 'diag', diag), separate: await follow(client, 'separate', separate) };
    say();
    say(resultTable(metrics));
    say();
    const defaultUrl = `http://127.0.0.1:${Number(process.env.PORT ?? DEFAULT_PORT)}`;
    say(nextSteps(keep ? client.url : defaultUrl, diag.id, keep));
    if (keep) {
      process.on('SIGINT', () => {});
      await gone;
    }
  } finally {
    await stop();
  }
}

await main().catch((error: Error) => {
  process.stderr.write(`quickstart: ${error.message}\n`);
  process.exitCode = 1;
});

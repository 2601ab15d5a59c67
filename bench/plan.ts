import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { QuickstartClient } from '../src/quickstart/client.js';
import { isTerminal, type Job } from '../src/schemas/job.js';
import type { JobSpecInput } from '../src/schemas/job-spec.js';
import type { AnyMetrics } from '../src/schemas/metrics.js';
import type { Plan } from '../src/schemas/plan.js';
import type { Worker } from '../src/schemas/worker.js';
import { type PlanCase, planCases } from './plan-cases.js';

const SERVICE = fileURLToPath(new URL('../src/start.js', import.meta.url));
const TOKENS = path.resolve('test/fixtures/tokens.safetensors');
const POLL_MS = 20;
/** By then a worker on a quiet machine has measured its speed again, with nothing else running. */
const SETTLE_MS = 36_000;

/** What a job was estimated to take, and took. */
export interface PlanFigures {
  name: string;
  seconds: { estimated: number; actual: number };
  bytes: { estimated: number; actual: number };
}

/** Run every case through a service of its own, so that its peak memory is its own. `only`: cases whose name holds it. */
export async function planFigures(folder: string, only = ''): Promise<PlanFigures[]> {
  const cases = planCases().filter(({ name }) => name.includes(only));
  const figures: PlanFigures[] = [];
  for (const [i, one] of cases.entries()) figures.push(await runCase(folder, `data-${i}`, one));
  return figures;
}

async function runCase(folder: string, data: string, { name, sources, spec }: PlanCase): Promise<PlanFigures> {
  for (const source of sources) {
    const target = path.resolve(folder, source.folder);
    if (source.write && (await mkdir(target, { recursive: true }))) await source.write(target);
  }
  const port = await freePort();
  const dataDir = path.join(folder, data);
  await mkdir(dataDir);
  const env = { PORT: String(port), DATA_DIR: dataDir, SOURCE_ROOTS: `${folder}:${path.resolve('test/fixtures')}` };
  const service = fork(SERVICE, {
    env: { ...process.env, ...env, LOG_LEVEL: 'error' },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  try {
    const client = new QuickstartClient(`http://127.0.0.1:${port}`);
    while (!(await client.ready())) await sleep(POLL_MS);
    await client.upload('tokens', 'tokens.safetensors', TOKENS);
    const measured = async () => (await get<{ data: Worker[] }>(client, '/v1/workers')).data.some(({ speed }) => speed);
    while (!(await measured())) await sleep(POLL_MS);
    await sleep(SETTLE_MS);
    const full: JobSpecInput = {
      ...spec,
      sources: sources.map((source, i) => ({
        uri: `file://${path.resolve(folder, source.folder)}`,
        ...(spec.model.family === 'embedding' && { columns: [384 * i, 384 * (i + 1)] as [number, number] }),
      })),
    };
    const plan = await post<Plan>(client, '/v1/jobs/plan', full);
    let job = await client.submit(full);
    while (!isTerminal(job.status)) {
      await sleep(POLL_MS);
      job = await client.job(job.id);
    }
    if (job.status !== 'succeeded') throw new Error(`${name}: ${JSON.stringify(job.error)}`);
    const metrics = (await client.metrics(job.id)) as AnyMetrics;
    const { estimated_seconds, peak_memory_bytes } = plan.costs;
    if (process.env.DETAIL) console.log(name, JSON.stringify(metrics.timings), JSON.stringify(plan.costs));
    return {
      name,
      seconds: { estimated: estimated_seconds, actual: secondsOf(job) },
      bytes: { estimated: peak_memory_bytes, actual: metrics.peak_memory_bytes },
    };
  } finally {
    const gone = once(service, 'exit');
    service.kill('SIGTERM');
    await gone;
  }
}

const secondsOf = ({ started_at, finished_at }: Job) =>
  (Date.parse(finished_at as string) - Date.parse(started_at as string)) / 1000;

async function get<T>({ url }: QuickstartClient, route: string): Promise<T> {
  return (await (await fetch(url + route)).json()) as T;
}

async function post<T>({ url }: QuickstartClient, route: string, body: unknown): Promise<T> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(url + route, { method: 'POST', headers, body: JSON.stringify(body) });
  const reply = await response.json();
  if (!response.ok) throw new Error(JSON.stringify(reply));
  return reply as T;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

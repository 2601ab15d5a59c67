import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Artifact, Job } from '../src/schemas/job.js';
import type { JobSpecInput } from '../src/schemas/job-spec.js';
import { end, family, freePort, isAlive, startProgram } from './processes.js';

/** Often enough for seconds; asking costs the cores that are measured. */
const POLL_MS = 250;
/** One compute thread unless told otherwise: workers share the machine. */
const THREADS = { COMPUTE_THREADS: process.env.COMPUTE_THREADS ?? '1' };

/** The built programs over one data folder, each started, killed and paused on its own. */
export class Service {
  readonly dataDir: string;
  readonly url: string;
  readonly workers: ChildProcess[] = [];
  private readonly env: NodeJS.ProcessEnv;
  private readonly program: string;
  api: ChildProcess | undefined;

  private constructor(dataDir: string, port: number, env: NodeJS.ProcessEnv, program: string) {
    this.program = program;
    this.dataDir = dataDir;
    this.url = `http://127.0.0.1:${port}`;
    this.env = { DATA_DIR: dataDir, PORT: `${port}`, LOG_LEVEL: 'silent', ...THREADS, ...env };
  }

  /** @param program the API alone, or what `npm start` runs: with a worker that it keeps alive */
  static async start(
    env: NodeJS.ProcessEnv = {},
    dataDir?: string,
    program: 'src/start-api.js' | 'src/start.js' = 'src/start-api.js',
  ): Promise<Service> {
    const folder = dataDir ?? (await mkdtemp(path.join(os.tmpdir(), 'wf-faults-')));
    const service = new Service(folder, await freePort(), env, program);
    await service.startApi();
    return service;
  }

  launchApi(): ChildProcess {
    this.api = startProgram(this.program, this.env);
    return this.api;
  }

  async startApi(): Promise<void> {
    this.launchApi();
    for (let i = 0; i < 600; i++) {
      if ((await fetch(`${this.url}/readyz`).catch(() => undefined))?.status === 200) return;
      await sleep(50);
    }
    throw new Error('The API did not become ready.');
  }

  async killApi(): Promise<void> {
    if (this.api) await end(this.api, 'SIGKILL');
  }

  startWorker(env: NodeJS.ProcessEnv = {}): ChildProcess {
    const worker = startProgram('workers/worker.js', { ...this.env, ...env });
    this.workers.push(worker);
    return worker;
  }

  /** Send a signal to a worker and its compute processes. */
  signal(worker: ChildProcess, signal: NodeJS.Signals): void {
    for (const pid of family(worker.pid as number)) process.kill(pid, signal);
  }

  async close(): Promise<void> {
    await Promise.all(this.workers.filter(isAlive).map((worker) => end(worker, 'SIGKILL')));
    if (this.api) await end(this.api, 'SIGTERM');
    await rm(this.dataDir, { recursive: true, force: true, maxRetries: 5 });
  }

  async post(spec: JobSpecInput, key?: string): Promise<{ status: number; body: Job & { code?: string } }> {
    const headers = { 'content-type': 'application/json', ...(key && { 'idempotency-key': key }) };
    const reply = await fetch(`${this.url}/v1/jobs`, { method: 'POST', headers, body: JSON.stringify(spec) });
    return { status: reply.status, body: (await reply.json()) as Job & { code?: string } };
  }

  async submit(spec: JobSpecInput): Promise<string> {
    const { status, body } = await this.post(spec);
    if (status !== 202) throw new Error(`The job was refused: ${status} ${JSON.stringify(body)}`);
    return body.id;
  }

  async get<T>(route: string): Promise<T> {
    const reply = await fetch(`${this.url}${route}`);
    if (!reply.ok) throw new Error(`${route}: ${reply.status} ${await reply.text()}`);
    return (await reply.json()) as T;
  }

  async download(id: string, file: string): Promise<Buffer> {
    const reply = await fetch(`${this.url}/v1/jobs/${id}/artifacts/${file}`);
    if (!reply.ok) throw new Error(`${file} of job ${id}: ${reply.status}`);
    return Buffer.from(await reply.arrayBuffer());
  }

  job = (id: string) => this.get<Job>(`/v1/jobs/${id}`);

  async artifacts(id: string): Promise<Artifact[]> {
    return (await this.get<{ data: Artifact[] }>(`/v1/jobs/${id}/artifacts`)).data;
  }

  async until(id: string, condition: (job: Job) => boolean, limit = 300_000): Promise<Job> {
    const deadline = Date.now() + limit;
    for (;;) {
      const job = await this.job(id).catch(() => undefined);
      if (job && condition(job)) return job;
      if (Date.now() > deadline)
        throw new Error(`Job ${id} after ${limit} ms: ${JSON.stringify({ ...job, spec: undefined })}`);
      await sleep(POLL_MS);
    }
  }

  ended = (id: string, limit?: number) =>
    this.until(id, ({ status }) => ['succeeded', 'failed', 'cancelled'].includes(status), limit);
}

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { DestinationStream } from 'pino';
import supertest from 'supertest';
import { buildApp } from '../../src/api/app.js';
import { createServices, type Services } from '../../src/api/services.js';
import { loadConfig } from '../../src/config.js';
import { createLogger } from '../../src/log.js';
import { EmbeddedRedis } from '../../src/queue/embedded-redis.js';
import type { Job } from '../../src/schemas/job.js';
import type { JobSpecInput } from '../../src/schemas/job-spec.js';
import { PATIENCE_MS } from './patience.js';

const PROGRAM = (name: string) => fileURLToPath(new URL(`../../dist/${name}`, import.meta.url));
const POLL_MS = 25;

export type Http = ReturnType<typeof supertest>;

export interface TestService {
  url: string;
  http: Http;
  services: Services;
  dataDir: string;
  env: NodeJS.ProcessEnv;
  startWorker: () => ChildProcess;
  close: () => Promise<void>;
}

/** Start a built program as a child process; its output is kept out of the test report. */
export function startProgram(name: 'src/start.js' | 'src/start-api.js' | 'workers/worker.js', env: NodeJS.ProcessEnv) {
  return fork(PROGRAM(name), { env: { ...process.env, ...env }, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
}

/** End a program and wait for it. */
export async function stopProgram(child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const gone = once(child, 'exit');
  child.kill(signal);
  const [code] = (await gone) as [number | null];
  return code;
}

/** The API in this process over a real embedded Redis, and (unless told otherwise) the built worker as a child. */
export async function startService(
  dataDir: string,
  { worker = true, env = {} as NodeJS.ProcessEnv, logTo = undefined as DestinationStream | undefined } = {},
): Promise<TestService> {
  // Test files run side by side: more threads than cores would wait for each other.
  const full = { DATA_DIR: dataDir, LOG_LEVEL: 'silent', PORT: '0', COMPUTE_THREADS: '1', ...env };
  const config = loadConfig(full);
  const log = createLogger(config, 'test', logTo);
  const redis = config.REDIS_URL ? undefined : new EmbeddedRedis(config, log);
  await redis?.start();
  const services = await createServices(config, log);
  const app = await buildApp(services, logTo && log);
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  const workers: ChildProcess[] = [];
  const startWorker = () => {
    const child = startProgram('workers/worker.js', full);
    workers.push(child);
    return child;
  };
  if (worker) startWorker();
  return {
    url,
    http: supertest(url),
    services,
    dataDir,
    env: full,
    startWorker,
    close: async () => {
      // SIGKILL ends a worker that is in the middle of a job; its compute process follows by itself.
      await Promise.all(workers.map((child) => stopProgram(child, 'SIGKILL')));
      await app.close();
      await services.close();
      await redis?.stop();
    },
  };
}

/** Wait until a job's representation satisfies `condition`. */
export async function waitUntil(
  http: Http,
  id: string,
  condition: (job: Job) => boolean,
  seconds = PATIENCE_MS / 1000,
): Promise<Job> {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const { body } = await http.get(`/v1/jobs/${id}`).expect(200);
    const job = body as Job;
    if (condition(job)) return job;
    if (Date.now() > deadline) throw new Error(`Job ${id} is ${JSON.stringify({ ...job, spec: undefined })}.`);
    await sleep(POLL_MS);
  }
}

export const isEnded = (job: Job) => ['succeeded', 'failed', 'cancelled'].includes(job.status);

/** Wait until a job has ended, whichever way. */
export const waitForEnd = (http: Http, id: string, seconds?: number) => waitUntil(http, id, isEnded, seconds);

/** Submit a job and wait until it has ended. */
export async function runJob(http: Http, spec: JobSpecInput, seconds?: number): Promise<Job> {
  const { body, status } = await http.post('/v1/jobs').send(spec);
  if (status !== 202) throw new Error(`The job was refused: ${JSON.stringify(body)}`);
  return waitForEnd(http, (body as Job).id, seconds);
}

/** Upload bytes or a file's content as a file of a checkpoint. */
export async function upload(http: Http, checkpoint: string, content: Buffer | string, file = 'model.safetensors') {
  const bytes = typeof content === 'string' ? await readFile(content) : content;
  const reply = await http
    .put(`/v1/checkpoints/${checkpoint}/files/${file}`)
    .set('content-type', 'application/octet-stream')
    .send(bytes);
  if (reply.status !== 201) throw new Error(`Upload refused: ${JSON.stringify(reply.body)}`);
  return reply;
}

/** Path of an artifact on disk. */
export const artifactPath = (service: TestService, id: string, file: string) =>
  path.join(service.services.store.files(id).artifacts, file);

import { randomUUID } from 'node:crypto';
import os from 'node:os';
import type { Config } from '../src/config.js';
import { connectRedis } from '../src/queue/redis.js';
import { queueName } from '../src/queue/settings.js';
import { announceWorker, HEARTBEAT_MS, withdrawWorker } from '../src/queue/worker-directory.js';
import { BACKENDS, type BackendName } from '../src/schemas/common.js';
import type { Machine } from '../src/schemas/machine.js';
import type { Worker, WorkerBackend } from '../src/schemas/worker.js';
import { VERSION } from '../src/version.js';

/** Values of `compute.backend` whose jobs a worker takes: those of the shared queue, and its own GPU's. */
export const servedBy = ({ backend }: WorkerBackend): BackendName[] =>
  BACKENDS.filter((name) => queueName(name) === queueName('auto') || name === backend);

/** Of the machine, or what a container may use of it. Without a limit, cgroups say 0 or more than there is. */
const usableMemory = () => Math.min(os.totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY);

/** Keeps a worker in the directory that `GET /v1/workers` shows, while it lives. */
export class Presence {
  private readonly redis: ReturnType<typeof connectRedis>;
  private readonly onError: (error: Error) => void;
  private readonly worker: Omit<Worker, 'state' | 'last_seen_at'>;
  private readonly state: () => Worker['state'];
  private timer: NodeJS.Timeout | undefined;

  /** @param state asked whenever the worker announces itself */
  constructor(config: Config, compute: WorkerBackend, state: () => Worker['state'], onError: (error: Error) => void) {
    this.redis = connectRedis(config, false, onError);
    this.onError = onError;
    this.state = state;
    this.worker = {
      id: `worker_${randomUUID()}`,
      object: 'worker',
      name: `${os.hostname()}:${process.pid}`,
      host: os.hostname(),
      pid: process.pid,
      started_at: new Date().toISOString(),
      concurrency: config.WORKER_CONCURRENCY,
      serves: servedBy(compute),
      compute,
      speed: null,
      memory_bytes: usableMemory(),
      versions: { weightfold: VERSION, node: process.versions.node },
      jobs: [],
    };
  }

  start(): void {
    this.timer = setInterval(() => this.announce(), HEARTBEAT_MS);
    this.announce();
  }

  /** Say how fast the backend is. */
  measured(speed: Machine): void {
    this.worker.speed = speed;
    this.announce();
  }

  /** Say which jobs' steps run here now. */
  show(jobs: readonly string[]): void {
    this.worker.jobs = [...new Set(jobs)];
    this.announce();
  }

  async close(): Promise<void> {
    clearInterval(this.timer);
    await withdrawWorker(this.redis, this.worker.id).catch(this.onError);
    this.redis.disconnect();
  }

  private announce(): void {
    const now = { ...this.worker, state: this.state(), last_seen_at: new Date().toISOString() };
    announceWorker(this.redis, now).catch(this.onError);
  }
}

import os from 'node:os';
import { Worker } from 'bullmq';
import { type Config, loadConfig } from '../src/config.js';
import { JobStore } from '../src/jobs/job-store.js';
import { createLogger, quietly } from '../src/log.js';
import type { QueuedMerge } from '../src/queue/merge-queue.js';
import { connectRedis } from '../src/queue/redis.js';
import {
  CANCEL_CHANNEL,
  LOCK_DURATION_MS,
  MAX_TAKEOVERS,
  QUEUE_NAME,
  QUEUE_PREFIX,
  STALLED_INTERVAL_MS,
} from '../src/queue/settings.js';
import { runUntilSignal } from '../src/run-until-signal.js';
import { computeEnvironment } from './compute-environment.js';
import { JobKeeper } from './job-keeper.js';
import { prepareBlasEnvironment } from './linalg/cpu/library.js';
import { CANCEL_REASON, TIMEOUT_REASON } from './outcomes.js';

const PROCESSOR = new URL('./processor.js', import.meta.url);
/** Cancel requests come by pub/sub; a lost message is made up for by looking at the store this often. */
const CANCEL_POLL_MS = 2_000;

/** Pull jobs and run each in a process of its own, so that this one always answers its locks in time. */
async function startWorker(config: Config): Promise<{ close: () => Promise<void> }> {
  const log = createLogger(config, 'worker');
  prepareBlasEnvironment();
  process.env.OPENBLAS_NUM_THREADS ??= String(config.COMPUTE_THREADS);
  process.env.WEIGHTFOLD_WORKER = `${os.hostname()}:${process.pid}`;
  const store = new JobStore(config.DATA_DIR);
  await store.open();
  const keeper = new JobKeeper(store, log);
  const quiet = quietly(log);
  const worker = new Worker<QueuedMerge>(QUEUE_NAME, PROCESSOR, {
    connection: connectRedis(config, true, quiet),
    prefix: QUEUE_PREFIX,
    concurrency: config.WORKER_CONCURRENCY,
    lockDuration: LOCK_DURATION_MS,
    stalledInterval: STALLED_INTERVAL_MS,
    maxStalledCount: MAX_TAKEOVERS,
    removeOnComplete: { count: 0 },
    workerForkOptions: {
      env: computeEnvironment(),
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    },
  });
  const active = new Map<string, NodeJS.Timeout>();
  const release = (id: string) => {
    clearTimeout(active.get(id));
    active.delete(id);
  };
  worker.on('error', quiet);
  worker.on('active', ({ data }) => {
    void store.record(data.id).then((record) => {
      const ms = (record?.spec.timeout_seconds ?? 3600) * 1000;
      active.set(
        data.id,
        setTimeout(() => worker.cancelJob(data.id, TIMEOUT_REASON), ms),
      );
    });
  });
  worker.on('completed', ({ data }) => release(data.id));
  worker.on('failed', (job, error) => {
    if (!job) return;
    release(job.data.id);
    void keeper.attemptFailed(job.data.id, error, job.finishedOn !== undefined).catch(quiet);
  });
  worker.on('stalled', (id) => void keeper.takenOver(id).catch(quiet));
  const subscriber = connectRedis(config, true, quiet);
  await subscriber.subscribe(CANCEL_CHANNEL);
  subscriber.on('message', (_, id: string) => worker.cancelJob(id, CANCEL_REASON));
  const poll = setInterval(() => {
    for (const id of active.keys())
      void store.cancelRequested(id).then((asked) => asked && worker.cancelJob(id, CANCEL_REASON), quiet);
  }, CANCEL_POLL_MS);
  await worker.waitUntilReady();
  log.info({ concurrency: config.WORKER_CONCURRENCY, threads: config.COMPUTE_THREADS }, 'worker is ready');
  return {
    close: async () => {
      clearInterval(poll);
      await worker.close();
      subscriber.disconnect();
    },
  };
}

// Started by another program (`npm start`), a worker ends with it, also when that one is killed: nobody would stop it.
process.on('disconnect', () => process.kill(process.pid, 'SIGTERM'));

const config = loadConfig();
await runUntilSignal(() => startWorker(config), config.SHUTDOWN_SECONDS);

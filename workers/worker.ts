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
  QUEUE_PREFIX,
  queueName,
  STALLED_INTERVAL_MS,
} from '../src/queue/settings.js';
import { runUntilSignal } from '../src/run-until-signal.js';
import { computeEnvironment } from './compute-environment.js';
import { JobKeeper } from './job-keeper.js';
import { prepareBlasEnvironment } from './linalg/cpu/library.js';
import { CANCEL_REASON, TIMEOUT_REASON } from './outcomes.js';
import { Presence, servedBy } from './presence.js';
import { probeBackend } from './probe.js';

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
  const compute = await probeBackend();
  const presence = new Presence(config, compute, quiet);
  const active = new Map<string, NodeJS.Timeout>();
  const release = (id: string) => {
    clearTimeout(active.get(id));
    active.delete(id);
    presence.ended(id);
  };
  const queues = [...new Set(servedBy(compute).map(queueName))];
  const workers = queues.map((name) => {
    const worker = new Worker<QueuedMerge>(name, PROCESSOR, {
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
    worker.on('error', quiet);
    worker.on('active', ({ data }) => {
      presence.began(data.id);
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
    return worker;
  });
  const subscriber = connectRedis(config, true, quiet);
  await subscriber.subscribe(CANCEL_CHANNEL);
  const cancel = (id: string) => {
    for (const worker of workers) worker.cancelJob(id, CANCEL_REASON);
  };
  subscriber.on('message', (_, id: string) => cancel(id));
  const poll = setInterval(() => {
    for (const id of active.keys()) void store.cancelRequested(id).then((asked) => asked && cancel(id), quiet);
  }, CANCEL_POLL_MS);
  await Promise.all(workers.map((worker) => worker.waitUntilReady()));
  presence.start();
  log.info({ concurrency: config.WORKER_CONCURRENCY, queues, ...compute }, 'worker is ready');
  return {
    close: async () => {
      clearInterval(poll);
      await Promise.all(workers.map((worker) => worker.close()));
      await presence.close();
      subscriber.disconnect();
    },
  };
}

// Started by another program (`npm start`), a worker ends with it, also when that one is killed: nobody would stop it.
process.on('disconnect', () => process.kill(process.pid, 'SIGTERM'));

const config = loadConfig();
await runUntilSignal(() => startWorker(config), config.SHUTDOWN_SECONDS);

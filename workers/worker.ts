import os from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker, type WorkerOptions } from 'bullmq';
import type { Config } from '../src/config.js';
import { JobStore } from '../src/jobs/job-store.js';
import { createLogger, quietly } from '../src/log.js';
import { checkRedis } from '../src/queue/check-redis.js';
import { connectRedis } from '../src/queue/redis.js';
import {
  CANCEL_CHANNEL,
  CHANGE_CHANNEL,
  LOCK_DURATION_MS,
  MAX_TAKEOVERS,
  MERGE_QUEUE,
  QUEUE_PREFIX,
  queueName,
  STALLED_INTERVAL_MS,
} from '../src/queue/settings.js';
import { mergeOf, type QueuedMerge, type QueuedStep } from '../src/queue/step-jobs.js';
import { loadConfigOrExit, runUntilSignal } from '../src/run-until-signal.js';
import { openFolder } from '../src/store/data-folder.js';
import { openObjectStore } from '../src/store/open-store.js';
import { loadTracing } from '../src/tracing/load-tracing.js';
import { ComputePool } from './compute-pool.js';
import { handBack } from './hand-back.js';
import { JobKeeper } from './job-keeper.js';
import { prepareBlasEnvironment } from './linalg/cpu/library.js';
import { machineIsIdle } from './machine-idle.js';
import { MergeSteps } from './merge-steps.js';
import { Presence, servedBy } from './presence.js';
import { probeBackend } from './probe.js';
import { RunningSteps } from './running-steps.js';
import { sweepScratch } from './scratch.js';
import { SpeedKeeper } from './speed-keeper.js';
import { StepAttempts } from './step-attempts.js';
import { traceSteps } from './trace-steps.js';

/** Merges advanced at a time: a few milliseconds each, spent waiting for Redis and the store. */
const MERGE_CONCURRENCY = 8;
/** After the queue failed to take a result it is offered again this soon; BullMQ's own 15 s would be the whole recovery. */
const RESULT_RETRY_MS = 1_000;
/** How long a job that has ended elsewhere may still have files on this machine. */
const SWEEP_MS = 60_000;
/** Left for handing steps back, after they had SHUTDOWN_SECONDS to finish. */
const HAND_BACK_SECONDS = 5;

/** Run steps, each in a process of its own, so that this one always renews its locks in time; advance merges between. */
async function startWorker(config: Config): Promise<{ close: () => Promise<void> }> {
  const log = createLogger(config, 'worker');
  prepareBlasEnvironment();
  process.env.OPENBLAS_NUM_THREADS ??= String(config.COMPUTE_THREADS);
  process.env.WEIGHTFOLD_WORKER = `${os.hostname()}:${process.pid}`;
  await openFolder('DATA_DIR', config.DATA_DIR);
  if (config.SCRATCH_DIR !== undefined) await openFolder('SCRATCH_DIR', config.SCRATCH_DIR);
  const store = new JobStore(config.DATA_DIR, await openObjectStore(config));
  await store.open();
  if (config.REDIS_URL) await checkRedis(config, log);
  const keeper = new JobKeeper(store, log);
  const quiet = quietly(log);
  const connection = connectRedis(config, true, quiet);
  const options: WorkerOptions = {
    connection,
    prefix: QUEUE_PREFIX,
    lockDuration: LOCK_DURATION_MS,
    stalledInterval: STALLED_INTERVAL_MS,
    maxStalledCount: MAX_TAKEOVERS,
    runRetryDelay: RESULT_RETRY_MS,
  };
  const first = await probeBackend(log);
  const { compute } = first;
  const queues = [...new Set(servedBy(compute).map(queueName))];
  const pool = new ComputePool();
  let closing = false;
  const state = () => {
    const held = pool.stuck >= queues.length * config.WORKER_CONCURRENCY;
    if (held || (!closing && [merges, ...steps].some((worker) => !worker.isRunning()))) return 'wedged';
    return running.jobs().length > 0 ? 'busy' : 'idle';
  };
  const presence = new Presence(config, compute, state, quiet);
  const running = new RunningSteps(
    store,
    (id) => {
      presence.show(running.jobs().map(({ data }) => data.id));
      connection.publish(CHANGE_CHANNEL, id).catch(quiet);
    },
    quiet,
  );
  const metrics =
    config.METRICS_PORT === undefined
      ? undefined
      : new (await import('./worker-metrics.js')).WorkerMetrics(compute, () => running.jobs().length);
  const mergeSteps = new MergeSteps(store, connection, quiet);
  const tracing = await loadTracing('weightfold-worker');
  const attempts = new StepAttempts(store, pool);
  const steps = queues.map((name) => {
    const worker = new Worker<QueuedStep>(name, attempts.process, {
      ...options,
      concurrency: config.WORKER_CONCURRENCY,
    });
    running.watch(worker);
    metrics?.watch(worker, keeper);
    if (tracing) traceSteps(worker, tracing, keeper);
    worker.on('error', quiet);
    worker.on('completed', ({ data }) => void mergeSteps.ended(data).catch(quiet));
    worker.on('failed', (job, error) => {
      if (job) void keeper.attemptFailed(job.data.id, error, job.finishedOn !== undefined).catch(quiet);
    });
    worker.on(
      'stalled',
      (id) => void keeper.takenOver(mergeOf(id), 'The worker of a step died; another takes it over.').catch(quiet),
    );
    return worker;
  });
  const merges = new Worker<QueuedMerge>(MERGE_QUEUE, mergeSteps.process, {
    ...options,
    concurrency: MERGE_CONCURRENCY,
  });
  merges.on('error', quiet);
  merges.on('failed', (job, error) => {
    if (job?.finishedOn === undefined) return;
    void keeper.mergeFailed(job.data.id, error, (id) => mergeSteps.cause(id)).catch(quiet);
  });
  const subscriber = connectRedis(config, true, quiet);
  await subscriber.subscribe(CANCEL_CHANNEL);
  subscriber.on('message', (_, id: string) => running.cancel(id));
  await Promise.all([merges, ...steps].map((worker) => worker.waitUntilReady()));
  const closeMetrics = await metrics?.serve(config, config.METRICS_PORT as number);
  presence.start();
  const sweep = () => config.SCRATCH_DIR && sweepScratch(config.SCRATCH_DIR, store).catch(quiet);
  const sweeping = setInterval(sweep, SWEEP_MS);
  void sweep();
  const speed = new SpeedKeeper(first, {
    measure: () => probeBackend(log),
    busy: () => running.jobs().length > 0,
    idle: machineIsIdle,
    tell: (measured) => presence.measured(measured),
    onError: (error) => log.warn({ err: error }, 'speed not measured; times are estimated from what is known'),
  });
  speed.start();
  log.info({ concurrency: config.WORKER_CONCURRENCY, queues, ...compute }, 'worker is ready');
  return {
    close: async () => {
      closing = true;
      speed.close();
      clearInterval(sweeping);
      const drained = Promise.all([merges, ...steps].map((worker) => worker.close())).then(() => true);
      if (!(await Promise.race([drained, sleep(config.SHUTDOWN_SECONDS * 1000, false)])))
        await handBack(running.jobs(), keeper, log);
      running.close();
      closeMetrics?.();
      await tracing?.close();
      await presence.close();
      subscriber.disconnect();
      connection.disconnect();
      await pool.close();
    },
  };
}

// Started by another program (`npm start`), a worker ends with it, also when that one is killed: nobody would stop it.
process.on('disconnect', () => process.kill(process.pid, 'SIGTERM'));

const config = loadConfigOrExit();
await runUntilSignal(() => startWorker(config), config.SHUTDOWN_SECONDS + HAND_BACK_SECONDS);

import { KeyStore } from '../access/key-store.js';
import { CheckpointStore } from '../checkpoints/checkpoint-store.js';
import type { Config } from '../config.js';
import { JobService } from '../jobs/job-service.js';
import { JobStore } from '../jobs/job-store.js';
import { type Logger, quietly } from '../log.js';
import { MergeQueue } from '../queue/merge-queue.js';
import { openObjectStore } from '../store/open-store.js';
import { loadTracing } from '../tracing/load-tracing.js';
import type { Tracing } from '../tracing/tracing.js';
import { Uploads } from '../uploads/uploads.js';
import { Webhooks } from '../webhooks/webhooks.js';

/** Unfinished jobs are compared with the queue this often. */
const RECONCILE_MS = 5_000;
/** Jobs past their retention are looked for this often. */
const SWEEP_MS = 60_000;

/** Everything the routes work with; made by `createServices`, closed once. */
export interface Services {
  config: Config;
  store: JobStore;
  keys: KeyStore;
  checkpoints: CheckpointStore;
  queue: MergeQueue;
  jobs: JobService;
  uploads: Uploads;
  webhooks: Webhooks;
  /** Where OpenTelemetry's variables ask for it. */
  tracing: Tracing | undefined;
  close: () => Promise<void>;
}

/** Open the store and the queue and keep them in line with each other. */
export async function createServices(config: Config, log: Logger): Promise<Services> {
  const store = new JobStore(config.DATA_DIR, await openObjectStore(config));
  const checkpoints = new CheckpointStore(config.DATA_DIR, config.MAX_HEADER_BYTES);
  await Promise.all([store.open(), checkpoints.openStore()]);
  const tracing = await loadTracing('weightfold-api');
  const keys = new KeyStore(config.DATA_DIR, config.API_KEYS);
  const queue = new MergeQueue(config, quietly(log));
  const jobs = new JobService(config, store, queue, log);
  const uploads = new Uploads(config, checkpoints, jobs, log);
  await uploads.open();
  const webhooks = new Webhooks(config, store, jobs, log);
  let running: Promise<void> = Promise.resolve();
  let telling: Promise<void> = Promise.resolve();
  let sweeping: Promise<void> = Promise.resolve();
  const reconcile = () => {
    running = running.then(() => jobs.reconcile()).catch((error) => log.warn({ err: error }, 'reconcile failed'));
    telling = telling.then(() => webhooks.reconcile()).catch((error) => log.warn({ err: error }, 'webhooks not told'));
  };
  const sweep = () => {
    // Beside the reconciling: removing much, or from a slow store, takes longer than a job may wait to be queued.
    sweeping = sweeping.then(() => jobs.sweep()).catch((error) => log.warn({ err: error }, 'sweep failed'));
    telling = telling.then(() => webhooks.sweep()).catch((error) => log.warn({ err: error }, 'webhooks not swept'));
    // Beside them: a file that was not taken before a crash is hashed first.
    uploads.sweep().catch((error) => log.warn({ err: error }, 'sweep of uploads failed'));
  };
  const timers = [setInterval(reconcile, RECONCILE_MS), setInterval(sweep, SWEEP_MS)];
  queue.onChange((id) => void jobs.moved(id).catch(() => {}));
  reconcile();
  sweep();
  const close = async () => {
    for (const timer of timers) clearInterval(timer);
    await Promise.all([running, telling, sweeping]);
    await webhooks.close();
    await jobs.close();
    await queue.close();
    await tracing?.close();
  };
  return { config, store, keys, tracing, checkpoints, queue, jobs, uploads, webhooks, close };
}

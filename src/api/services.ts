import { CheckpointStore } from '../checkpoints/checkpoint-store.js';
import type { Config } from '../config.js';
import { JobService } from '../jobs/job-service.js';
import { JobStore } from '../jobs/job-store.js';
import type { Logger } from '../log.js';
import { MergeQueue } from '../queue/merge-queue.js';

/** Unfinished jobs are compared with the queue this often. */
const RECONCILE_MS = 5_000;
/** Repeated complaints of one lost connection are logged once in this time. */
const ERROR_QUIET_MS = 10_000;

/** Everything the routes work with; made by `createServices`, closed once. */
export interface Services {
  config: Config;
  store: JobStore;
  checkpoints: CheckpointStore;
  queue: MergeQueue;
  jobs: JobService;
  close: () => Promise<void>;
}

/** Open the store and the queue and keep them in line with each other. */
export async function createServices(config: Config, log: Logger): Promise<Services> {
  const store = new JobStore(config.DATA_DIR);
  const checkpoints = new CheckpointStore(config.DATA_DIR);
  await Promise.all([store.open(), checkpoints.openStore()]);
  let quietUntil = 0;
  const queue = new MergeQueue(config, (error) => {
    if (Date.now() < quietUntil) return;
    quietUntil = Date.now() + ERROR_QUIET_MS;
    log.warn({ err: error }, 'queue connection');
  });
  const jobs = new JobService(config, store, checkpoints, queue, log);
  let running: Promise<void> = Promise.resolve();
  const reconcile = () => {
    running = running.then(() => jobs.reconcile()).catch((error) => log.warn({ err: error }, 'reconcile failed'));
  };
  const timer = setInterval(reconcile, RECONCILE_MS);
  reconcile();
  const close = async () => {
    clearInterval(timer);
    await running;
    await queue.close();
  };
  return { config, store, checkpoints, queue, jobs, close };
}

import type { CheckpointStore } from '../checkpoints/checkpoint-store.js';
import type { Config } from '../config.js';
import { SpecError } from '../errors.js';
import { showPlan } from '../plan/show-plan.js';
import type { MergeQueue } from '../queue/merge-queue.js';
import { queueName } from '../queue/settings.js';
import type { JobSpec } from '../schemas/job-spec.js';
import type { Plan, ShownPlan } from '../schemas/plan.js';
import type { Worker } from '../schemas/worker.js';
import { checkWebhook } from '../webhooks/check-webhook.js';
import { type Inspected, inspect } from './inputs.js';
import type { JobStore } from './job-store.js';
import { machineFor } from './machine-for.js';
import { Outlines } from './outlines.js';
import { waitingFor } from './waiting-for.js';

/** Estimates take the workers of so long ago; a submission is not to wait for a list each time. */
const WORKERS_FRESH_MS = 1_000;

/** Plans jobs for the workers there are. */
export class Planner {
  private readonly config: Config;
  private readonly store: JobStore;
  private readonly checkpoints: CheckpointStore;
  private readonly queue: MergeQueue;
  private readonly outlines: Outlines;
  private workers: { at: number; list: Promise<Worker[]> } | undefined;

  constructor(config: Config, store: JobStore, checkpoints: CheckpointStore, queue: MergeQueue) {
    this.config = config;
    this.store = store;
    this.checkpoints = checkpoints;
    this.queue = queue;
    this.outlines = new Outlines(config, checkpoints);
  }

  /** The plan, and what stands in its way just now. */
  async show(spec: JobSpec): Promise<ShownPlan> {
    const plan = showPlan((await this.inspect(spec)).plan);
    const missing = await this.missing(spec);
    return missing ? { ...plan, warnings: [missing, ...(plan.warnings ?? [])] } : plan;
  }

  /** What the job waits for beside its turn; null where that is nothing, or cannot be known just now. */
  async missing({ compute: { backend } }: JobSpec): Promise<string | null> {
    if (queueName(backend) === queueName('auto')) return null;
    return this.queue.workers().then(
      (workers) => waitingFor(backend, workers),
      () => null,
    );
  }

  /** What a job reads, and its plan. @throws SpecError where it could not succeed */
  async inspect(spec: JobSpec): Promise<Inspected> {
    checkWebhook(spec, this.config);
    const { machine, name } = machineFor(spec.compute.backend, await this.liveWorkers());
    const inspected = await inspect(spec, this.config, this.checkpoints, this.store, this.outlines, machine);
    const { plan } = inspected;
    this.checkMemory(plan);
    return { ...inspected, plan: { ...plan, costs: { ...plan.costs, estimated_for: name } } };
  }

  /** Workers as of a moment ago, for estimates: they say every few seconds that they live. */
  private liveWorkers(): Promise<Worker[]> {
    if (!this.workers || performance.now() - this.workers.at > WORKERS_FRESH_MS)
      this.workers = { at: performance.now(), list: this.queue.workers().catch(() => []) };
    return this.workers.list;
  }

  /** @throws SpecError `memory_exceeded` where no worker could hold what the plan needs at once */
  private checkMemory({ costs: { peak_memory_bytes: needed } }: Plan): void {
    const limit = this.config.WORKER_MEMORY_BYTES;
    if (limit === undefined || needed <= limit) return;
    throw new SpecError(
      'memory_exceeded',
      `The merge needs ${needed} bytes of memory at once; workers have ${limit} (WORKER_MEMORY_BYTES). ` +
        'Narrower layers, mode "separate" or the randomized solver need less.',
    );
  }
}

import type { Config } from '../config.js';
import { SpecError } from '../errors.js';
import type { MergeQueue } from '../queue/merge-queue.js';
import { queueName } from '../queue/settings.js';
import type { JobSpec } from '../schemas/job-spec.js';
import type { Worker } from '../schemas/worker.js';
import { checkWebhook } from '../webhooks/check-webhook.js';
import { inspect } from './inspect.js';
import type { InspectedText, InspectInput } from './inspect-input.js';
import { machineFor } from './machine-for.js';
import { waitingFor } from './waiting-for.js';

/** Estimates take the workers of so long ago; a submission is not to wait for a list each time. */
const WORKERS_FRESH_MS = 1_000;

/** Plans jobs for the workers there are. */
export class Planner {
  private readonly config: Config;
  private readonly queue: MergeQueue;
  private workers: { at: number; list: Promise<Worker[]> } | undefined;

  constructor(config: Config, queue: MergeQueue) {
    this.config = config;
    this.queue = queue;
  }

  /** The plan as JSON text (UTF-8), with what stands in its way just now. */
  async show(spec: JobSpec): Promise<Uint8Array> {
    const missing = await this.missing(spec);
    return (await this.inspect(spec, { warnings: missing ? [missing] : [] })).plan;
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
  async inspect(spec: JobSpec, show?: InspectInput['show']): Promise<InspectedText> {
    checkWebhook(spec, this.config);
    const { machine, name } = machineFor(spec.compute.backend, await this.liveWorkers());
    const inspected = await inspect(spec, this.config, { machine, estimatedFor: name, show });
    this.checkMemory(inspected);
    return inspected;
  }

  /** Workers as of a moment ago, for estimates: they say every few seconds that they live. */
  private liveWorkers(): Promise<Worker[]> {
    if (!this.workers || performance.now() - this.workers.at > WORKERS_FRESH_MS)
      this.workers = { at: performance.now(), list: this.queue.workers().catch(() => []) };
    return this.workers.list;
  }

  /** @throws SpecError `memory_exceeded` where no worker could hold what the plan needs at once */
  private checkMemory({ costs: { peak_memory_bytes: needed } }: Pick<InspectedText, 'costs'>): void {
    const limit = this.config.WORKER_MEMORY_BYTES;
    if (limit === undefined || needed <= limit) return;
    throw new SpecError(
      'memory_exceeded',
      `The merge needs ${needed} bytes of memory at once; workers have ${limit} (WORKER_MEMORY_BYTES). ` +
        'Narrower layers, mode "separate" or the randomized solver need less.',
    );
  }
}

import { type Job, type Processor, Queue, WaitingChildrenError } from 'bullmq';
import type { JobStore } from '../src/jobs/job-store.js';
import type { connectRedis } from '../src/queue/redis.js';
import { QUEUE_PREFIX } from '../src/queue/settings.js';
import { type QueuedMerge, type QueuedStep, stepJobs } from '../src/queue/step-jobs.js';

/**
 * What a merge does between its steps: put those into the queue that have become ready, as its children, and wait for
 * them. The last step ends the job in the store; then there is nothing left to do.
 */
export function mergeProcessor(
  store: JobStore,
  connection: ReturnType<typeof connectRedis>,
  onError: (error: Error) => void,
): Processor<QueuedMerge> {
  const queues = new Map<string, Queue<QueuedStep>>();
  const queue = (name: string) => {
    const known = queues.get(name);
    if (known) return known;
    const opened = new Queue<QueuedStep>(name, { connection, prefix: QUEUE_PREFIX });
    opened.on('error', onError);
    queues.set(name, opened);
    return opened;
  };
  return async (job: Job<QueuedMerge>, token = '') => {
    const parent = { id: job.data.id, queue: job.queueQualifiedName };
    for (;;) {
      const record = await store.record(parent.id);
      if (!record || (await store.outcome(parent.id))) return;
      for (const { name, queueName, data, opts } of stepJobs(record, await store.finishedSteps(parent.id)))
        await queue(queueName).add(name, data, { ...opts, parent });
      if (await job.moveToWaitingChildren(token)) throw new WaitingChildrenError();
    }
  };
}

import type { JobsOptions } from 'bullmq';
import type { JobHead } from '../jobs/record.js';
import { readySteps } from '../plan/steps.js';
import type { JobError } from '../schemas/job.js';
import type { TraceContext } from '../tracing/tracing.js';
import { MERGE_QUEUE, queueName, RETRY_DELAY_MS } from './settings.js';

/** What travels through Redis: ids, and where a trace stands. Everything else is in the store. */
export interface QueuedMerge {
  id: string;
}
export interface QueuedStep extends QueuedMerge {
  step: string;
  /** Why the last attempt failed, for whoever has to end the job where its worker could not. */
  failure?: JobError;
  trace?: TraceContext;
}

/** BullMQ ranks 1 highest and 0 (none) above all; the spec ranks higher numbers first, up to 1000. */
const LOWEST_RANK = 1001;
/** Failed queue jobs are kept for a look; the store keeps what clients see. */
const KEEP_FAILED_SECONDS = 24 * 3600;
/** Putting a merge's next steps into the queue is repeated this often where Redis or the store fail. */
const MERGE_ATTEMPTS = 20;

/** Merges that have begun go on before others of their priority begin. */
const rank = (priority: number, begun: boolean) => 2 * (LOWEST_RANK - priority) - (begun ? 1 : 0);

/** Options of the queue job that waits for a merge's steps. */
export const mergeOptions = ({ id, spec }: JobHead): StepJob['opts'] => ({
  jobId: id,
  attempts: MERGE_ATTEMPTS,
  backoff: { type: 'exponential', delay: RETRY_DELAY_MS, jitter: 0.5 },
  priority: rank(spec.priority, true),
  removeOnComplete: true,
  removeOnFail: { age: KEEP_FAILED_SECONDS },
});

export const stepJobId = (id: string, step: string) => `${id}.${step}`;

/** The merge a step's queue job belongs to. */
export const mergeOf = (stepJob: string) => stepJob.split('.')[0];

/** Queue jobs of the steps that can run now: children of the merge, which fails when one of them is given up. */
export function stepJobs({ id, spec, steps, trace }: JobHead, finished: ReadonlySet<string>): StepJob[] {
  return readySteps(steps, finished).map((step) => ({
    name: step.phase,
    queueName: queueName(spec.compute.backend),
    data: { id, step: step.id, ...(trace && { trace }) },
    opts: {
      jobId: stepJobId(id, step.id),
      attempts: spec.max_attempts,
      backoff: { type: 'exponential', delay: RETRY_DELAY_MS },
      priority: rank(spec.priority, finished.size > 0),
      removeOnComplete: true,
      removeOnFail: { age: KEEP_FAILED_SECONDS },
      failParentOnFailure: true,
    },
  }));
}

interface StepJob {
  name: string;
  queueName: string;
  data: QueuedStep;
  opts: Omit<JobsOptions, 'deduplication' | 'parent' | 'repeat'>;
}

export const MERGE_JOB = { name: 'merge', queueName: MERGE_QUEUE } as const;

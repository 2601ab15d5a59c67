import { BACKENDS, type BackendName } from '../schemas/common.js';

/** Queue of merges: each waits for its steps, and puts the next ones into their queue. No computing. */
export const MERGE_QUEUE = 'merges';

/** Queue of the steps that any worker can run. */
export const STEP_QUEUE = 'steps';

/**
 * Queue of the steps of jobs that ask for a backend. Those for a GPU have one each, served only by workers that have it; the rest
 * share the queue that every worker serves.
 */
export const queueName = (backend: BackendName): string =>
  backend === 'auto' || backend === 'cpu' ? STEP_QUEUE : `${STEP_QUEUE}-${backend}`;

/** Every queue a step may be in. */
export const STEP_QUEUES = [...new Set(BACKENDS.map(queueName))];

/** Redis key prefix of everything weightfold stores. */
export const QUEUE_PREFIX = 'weightfold';

/** Channel on which job ids are published that were asked to stop. */
export const CANCEL_CHANNEL = 'weightfold:cancel';

/** Channel on which job ids are published whose record a worker has changed. A hint: the store is the truth. */
export const CHANGE_CHANNEL = 'weightfold:changed';

/**
 * A worker renews its lock every 5 s; a killed worker's step is taken over within 13 s, where BullMQ's defaults take up to 60.
 * Every worker must use the same values.
 */
export const LOCK_DURATION_MS = 10_000;
export const STALLED_INTERVAL_MS = 3_000;

/** Times a step may be taken over from a dead worker before it counts as the cause: the poison cap. */
export const MAX_TAKEOVERS = 10;

/** Wait before a failed attempt is repeated; doubles each time. */
export const RETRY_DELAY_MS = 1_000;

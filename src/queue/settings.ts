/** Name of the one queue that carries merge jobs. */
export const QUEUE_NAME = 'weightfold';

/** Redis key prefix of everything weightfold stores. */
export const QUEUE_PREFIX = 'weightfold';

/** Channel on which job ids are published that were asked to stop. */
export const CANCEL_CHANNEL = 'weightfold:cancel';

/**
 * A worker renews its lock every 5 s; a killed worker's job is taken over 10 s later, where BullMQ's defaults take 60.
 * Every worker must use the same values.
 */
export const LOCK_DURATION_MS = 10_000;
export const STALLED_INTERVAL_MS = 5_000;

/** Times a job may be taken over from a dead worker before it counts as the cause: the poison cap. */
export const MAX_TAKEOVERS = 10;

/** Wait before a failed attempt is repeated; doubles each time. */
export const RETRY_DELAY_MS = 1_000;

import { CancelledError, WeightfoldError } from '../src/errors.js';
import type { JobOutcome, JobRecord } from '../src/jobs/record.js';

/** Reasons with which a running job is aborted. */
export const CANCEL_REASON = 'cancelled';
export const TIMEOUT_REASON = 'timeout';
export const LOST_REASON = 'lost';

/** How a job ended, now. */
export const ended = (status: JobOutcome['status'], error: JobOutcome['error'] = null): JobOutcome => ({
  status,
  finished_at: new Date().toISOString(),
  error,
});

/** An error that no further attempt can mend: the same weights and spec would meet it again. */
export const isFinal = (error: unknown): boolean => error instanceof WeightfoldError && !error.retryable;

/** The outcome an error means for its job. */
export function outcomeOf(error: unknown): JobOutcome {
  if (error instanceof CancelledError) return ended('cancelled');
  if (error instanceof WeightfoldError)
    return ended('failed', { code: error.code, message: error.message, errors: error.errors });
  return ended('failed', { code: 'internal_error', message: (error as Error)?.message ?? String(error), errors: [] });
}

/** What stopping a step means for its job. @param reason it was aborted with */
export function stopped(reason: unknown, { spec }: JobRecord): Error {
  if (reason === LOST_REASON) return new Error('The step was taken over by another worker.');
  if (reason !== TIMEOUT_REASON) return new CancelledError();
  return new WeightfoldError(`A step ran longer than ${spec.timeout_seconds} s (timeout_seconds).`, {
    code: 'job_timeout',
    status: 422,
  });
}

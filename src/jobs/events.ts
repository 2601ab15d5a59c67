import type { JobEvent } from '../schemas/event.js';
import type { JobError, Progress } from '../schemas/job.js';
import { FIRST_EVENT, type NextEvent } from './event-log.js';
import { initialState, type JobOutcome, type JobState } from './record.js';

/** The event every job begins with. @param steps number of steps of its plan */
export const queued = ({ id, created_at, steps }: { id: string; created_at: string; steps: number }): JobEvent => ({
  id: FIRST_EVENT,
  type: 'job.queued',
  created_at,
  job_id: id,
  data: dataOf(initialState(steps)),
});

/** An attempt has begun; steps of one attempt that begin beside each other make one event. */
export const running =
  (state: JobState): NextEvent =>
  (latest) => {
    const known = latest?.data.status === 'running' && latest.data.attempt >= state.attempt;
    return known ? null : { type: 'job.running', data: dataOf(state) };
  };

/** The job is a whole percent further, or in another phase. */
export const progressed =
  (state: JobState): NextEvent =>
  (latest) =>
    isNews(latest?.data.progress, state.progress) ? { type: 'job.progress', data: dataOf(state) } : null;

function isNews(before: Progress | undefined, now: Progress): boolean {
  if (!before || now.fraction <= before.fraction) return before === undefined;
  return now.phase !== before.phase || percent(now) > percent(before);
}

const percent = ({ fraction }: Progress) => Math.floor(fraction * 100);

/** The job waits for another attempt. Attempts at several steps that fail together make one event. */
export const retrying =
  (state: JobState, message: string, error?: JobError): NextEvent =>
  (latest) =>
    latest?.type === 'job.retrying' && latest.data.attempt >= state.attempt
      ? null
      : { type: 'job.retrying', data: { ...dataOf(state), ...(error && { error }), message } };

/** The job has ended: its last event, the same whoever writes it. */
export const ended =
  (outcome: JobOutcome, state: JobState): NextEvent =>
  () => ({
    type: `job.${outcome.status}`,
    created_at: outcome.finished_at,
    data: {
      ...dataOf(state),
      status: outcome.status,
      progress: progressAtEnd(outcome, state),
      ...(outcome.error && { error: outcome.error }),
    },
  });

/** A job that succeeded is done, whatever was reported last. */
export function progressAtEnd(outcome: JobOutcome | undefined, { progress }: JobState): Progress {
  if (outcome?.status !== 'succeeded') return progress;
  return { phase: 'publish', completed: progress.total, total: progress.total, fraction: 1 };
}

const dataOf = ({ status, progress, attempt, worker }: JobState): JobEvent['data'] => ({
  status,
  progress,
  attempt,
  ...(worker !== null && { worker }),
});

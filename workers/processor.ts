import path from 'node:path';
import { type SandboxedJob, UnrecoverableError } from 'bullmq';
import { locateSource } from '../src/checkpoints/locate-source.js';
import { loadConfig } from '../src/config.js';
import { CancelledError, WeightfoldError } from '../src/errors.js';
import { JobStore } from '../src/jobs/job-store.js';
import type { JobRecord, JobState } from '../src/jobs/record.js';
import type { QueuedMerge } from '../src/queue/merge-queue.js';
import type { Progress } from '../src/schemas/job.js';
import { layout } from '../src/store/layout.js';
import { type Selection, selectBackend } from './linalg/registry.js';
import { ended, isFinal, outcomeOf, TIMEOUT_REASON } from './outcomes.js';
import { runMerge } from './pipeline/run.js';

// Without its worker nobody renews the lock: whoever takes the job over must not meet this process still writing.
process.on('disconnect', () => process.exit(1));

/** After a stop is asked for, a native call still running this long is ended with the process. */
const ABORT_GRACE_MS = 500;

const config = loadConfig();
const store = new JobStore(config.DATA_DIR);
const opened = new Map<string, Promise<Selection>>();

/** One attempt at a job, in its own process. The job's end is written here, once; the queue is told afterwards. */
export default async function processMerge(job: SandboxedJob<QueuedMerge>, _token: string, signal?: AbortSignal) {
  const { id } = job.data;
  const record = await store.record(id);
  if (!record || (await store.outcome(id))) return;
  if (await store.cancelRequested(id)) {
    await store.finish(id, ended('cancelled'));
    return;
  }
  const stopWatching = watchAbort(signal, (asked) => store.finish(id, outcomeOf(stopped(asked, record))));
  const progress = await beginAttempt(record);
  try {
    const { la, reason } = await backendFor(record);
    await runMerge({
      record,
      stepsFolder: store.files(id).steps,
      artifacts: store.files(id).artifacts,
      sources: await locateSources(record),
      locate: (checkpoint, file) => path.join(layout(config.DATA_DIR).checkpoints, checkpoint, file),
      la,
      reason,
      signal,
      onProgress: (now) => progress.report(now),
    });
    await progress.settle();
    await store.finish(id, ended('succeeded'));
  } catch (error) {
    await progress.settle();
    const cause = signal?.aborted ? stopped(signal, record) : error;
    if (isFinal(cause)) {
      await store.finish(id, outcomeOf(cause));
      throw new UnrecoverableError((cause as Error).message);
    }
    throw cause;
  } finally {
    stopWatching();
  }
}

/** The backend a job asks for, else the one this worker is set to; each is opened once. */
function backendFor({ spec, plan }: JobRecord): Promise<Selection> {
  const wanted = spec.compute.backend === 'auto' ? config.COMPUTE_BACKEND : spec.compute.backend;
  const precision = plan.kind === 'transformer' ? 'float32' : plan.precision;
  const key = `${wanted} ${precision}`;
  const selection = opened.get(key) ?? selectBackend(wanted, config, precision);
  opened.set(key, selection);
  selection.catch(() => opened.delete(key));
  return selection;
}

function stopped(signal: AbortSignal, { spec }: JobRecord): Error {
  if (signal.reason !== TIMEOUT_REASON) return new CancelledError();
  return new WeightfoldError(`The attempt ran longer than ${spec.timeout_seconds} s (timeout_seconds).`, {
    code: 'job_timeout',
    status: 422,
  });
}

/**
 * A native call cannot be interrupted: once asked to stop, the process itself goes. It ends the job first; an attempt
 * that merely exits would count as a crash and be repeated.
 */
function watchAbort(signal: AbortSignal | undefined, end: (signal: AbortSignal) => Promise<unknown>): () => void {
  let timer: NodeJS.Timeout | undefined;
  const exit = () => process.exit(1);
  const onAbort = () => {
    timer = setTimeout(() => end(signal as AbortSignal).then(exit, exit), ABORT_GRACE_MS);
  };
  if (signal?.aborted) onAbort();
  signal?.addEventListener('abort', onAbort, { once: true });
  return () => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  };
}

/** Count the attempt and keep its progress on disk, newest last, one write at a time. */
async function beginAttempt({ id, plan }: JobRecord) {
  const before = await store.state(id);
  const state: JobState = {
    status: 'running',
    attempt: (before?.attempt ?? 0) + 1,
    started_at: new Date().toISOString(),
    worker: process.env.WEIGHTFOLD_WORKER ?? `${process.pid}`,
    progress: { phase: 'planning', completed: 0, total: plan.steps.length, fraction: 0 },
  };
  await store.writeState(id, state);
  let pending: Promise<unknown> = Promise.resolve();
  let latest = state.progress;
  return {
    report(progress: Progress) {
      latest = progress;
      pending = pending
        .then(() => (latest === progress ? store.writeState(id, { ...state, progress }) : undefined))
        .catch(() => {});
    },
    settle: () => pending,
  };
}

async function locateSources({ spec }: JobRecord) {
  const roots = { checkpoints: layout(config.DATA_DIR).checkpoints, sourceRoots: config.SOURCE_ROOTS };
  return Promise.all(spec.sources.map((source, i) => locateSource(source, roots, `/sources/${i}`)));
}

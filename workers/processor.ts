import path from 'node:path';
import { type SandboxedJob, UnrecoverableError } from 'bullmq';
import { loadConfig } from '../src/config.js';
import { CancelledError, WeightfoldError } from '../src/errors.js';
import { JobStore } from '../src/jobs/job-store.js';
import type { JobRecord } from '../src/jobs/record.js';
import { PUBLISH_STEP } from '../src/plan/steps.js';
import type { QueuedStep } from '../src/queue/step-jobs.js';
import { SourceCache } from '../src/sources/cache.js';
import { provideSources } from '../src/sources/provide-sources.js';
import { isStorageFull, requireSpace, storageFull } from '../src/store/headroom.js';
import { layout } from '../src/store/layout.js';
import { openObjectStore } from '../src/store/open-store.js';
import { AttemptState } from './attempt-state.js';
import { type Selection, selectBackend } from './linalg/registry.js';
import { ended, isFinal, LOST_REASON, outcomeOf, TIMEOUT_REASON } from './outcomes.js';
import { MergeSession } from './pipeline/merge-session.js';
import { ProgressEvents } from './progress-events.js';
import { scratchOf } from './scratch.js';
import { countStep, type StepReport } from './step-report.js';

// Without its worker nobody renews the lock: whoever takes the step over must not meet this process still writing.
process.on('disconnect', () => process.exit(1));

/** After a stop is asked for, a native call still running this long is ended with the process. */
const ABORT_GRACE_MS = 500;

const config = loadConfig();
const worker = process.env.WEIGHTFOLD_WORKER ?? `${process.pid}`;
const store = new JobStore(config.DATA_DIR, await openObjectStore(config));
/** Where large files of merges in progress are. */
const workFolder = config.SCRATCH_DIR ?? config.DATA_DIR;
const progressEvents = new ProgressEvents(store);
const backends = new Map<string, Promise<Selection>>();
/** The merge whose step ran last: its next step finds sources and bases as they are. */
let open: { id: string; session: MergeSession } | undefined;

/**
 * One attempt at one step of a merge, in a process of its own. The job's end is written here, once; the queue is told
 * afterwards.
 */
export default async function processStep(
  job: SandboxedJob<QueuedStep>,
  _token: string,
  signal?: AbortSignal,
): Promise<StepReport | undefined> {
  const { id, step } = job.data;
  const record = await store.record(id);
  if (!record || (await store.outcome(id))) return;
  if (await store.cancelRequested(id)) {
    await store.finish(id, ended('cancelled'));
    return;
  }
  const stopWatching = watchAbort(signal, async (asked) => {
    const cause = stopped(asked, record);
    if (isFinal(cause)) await store.finish(id, outcomeOf(cause));
  });
  const report = await countStep();
  const state = new AttemptState(store, id, worker, progressEvents);
  try {
    const session = await sessionOf(record, signal);
    await session.step(step, {
      signal,
      onProgress: (now) => state.report(now),
      onAttempt: (attempt) => state.begin(attempt),
    });
    await state.settle();
    if (step === PUBLISH_STEP) {
      await closeSession();
      await store.finish(id, ended('succeeded'));
    }
    return await report();
  } catch (error) {
    await state.settle();
    await closeSession();
    const cause = signal?.aborted ? stopped(signal, record) : error;
    if (isFinal(cause)) {
      await store.finish(id, outcomeOf(cause));
      const { message, code, retryable } = cause as WeightfoldError;
      throw Object.assign(new UnrecoverableError(message), { code, retryable });
    }
    // Another step has ended the job, and this one's files went with it: nothing is left to fail.
    if (await store.outcome(id)) return;
    const passing = isStorageFull(cause)
      ? storageFull('The store is full. Free space, then retry the job.', cause)
      : cause;
    await job.updateData({ ...job.data, failure: outcomeOf(passing).error ?? undefined });
    throw passing;
  } finally {
    stopWatching();
  }
}

async function sessionOf(record: JobRecord, signal?: AbortSignal): Promise<MergeSession> {
  const { id } = record;
  if (open?.id === id) return open.session;
  await closeSession();
  const { la, reason } = await backendFor(record);
  const session = await MergeSession.open({
    record,
    stepsFolder: store.files(id).steps,
    scratch: config.SCRATCH_DIR && scratchOf(config.SCRATCH_DIR, id),
    artifacts: store.files(id).artifacts,
    store: store.artifacts,
    sources: await locateSources(record, signal),
    maxHeaderBytes: config.MAX_HEADER_BYTES,
    locate: (checkpoint, file) => path.join(layout(config.DATA_DIR).checkpoints, checkpoint, file),
    storedBases: store.files(id).bases,
    la,
    reason,
    worker,
    requireSpace: (bytes) => requireSpace(workFolder, bytes, config.MIN_FREE_BYTES),
  });
  open = { id, session };
  return session;
}

/** The backend a job asks for, else the one this worker is set to; each is opened once. */
function backendFor({ spec, plan }: JobRecord): Promise<Selection> {
  const wanted = spec.compute.backend === 'auto' ? config.COMPUTE_BACKEND : spec.compute.backend;
  const precision = plan.kind === 'transformer' ? 'float32' : plan.precision;
  const key = `${wanted} ${precision}`;
  const selection = backends.get(key) ?? selectBackend(wanted, config, precision);
  backends.set(key, selection);
  selection.catch(() => backends.delete(key));
  return selection;
}

async function closeSession(): Promise<void> {
  const last = open;
  open = undefined;
  await last?.session.close();
}

function stopped(signal: AbortSignal, { spec }: JobRecord): Error {
  if (signal.reason === LOST_REASON) return new Error('The step was taken over by another worker.');
  if (signal.reason !== TIMEOUT_REASON) return new CancelledError();
  return new WeightfoldError(`A step ran longer than ${spec.timeout_seconds} s (timeout_seconds).`, {
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

async function locateSources(record: JobRecord, signal?: AbortSignal) {
  const cache = new SourceCache(workFolder, config.SOURCE_CACHE_BYTES);
  // Jobs that have ended need their sources no more, however they ended.
  for (const id of await cache.users())
    if (!(await store.record(id)) || (await store.outcome(id))) await cache.release(id);
  return provideSources(record, config, cache, signal);
}

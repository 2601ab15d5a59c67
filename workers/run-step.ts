import path from 'node:path';
import { loadConfig } from '../src/config.js';
import { JobStore } from '../src/jobs/job-store.js';
import type { JobRecord } from '../src/jobs/record.js';
import { PUBLISH_STEP } from '../src/plan/steps.js';
import { SourceCache } from '../src/sources/cache.js';
import { provideSources } from '../src/sources/provide-sources.js';
import { isStorageFull, requireSpace, storageFull } from '../src/store/headroom.js';
import { layout } from '../src/store/layout.js';
import { openObjectStore } from '../src/store/open-store.js';
import { AttemptState } from './attempt-state.js';
import type { StepToRun } from './compute-messages.js';
import { type Selection, selectBackend } from './linalg/registry.js';
import { ended } from './outcomes.js';
import { MergeSession } from './pipeline/merge-session.js';
import { ProgressEvents } from './progress-events.js';
import { scratchOf } from './scratch.js';
import { countStep, type StepReport } from './step-report.js';

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
 * One step of a merge. A job that succeeds ends here, once.
 * @returns undefined where the job is gone
 */
export async function runStep({ id, step }: StepToRun, signal: AbortSignal): Promise<StepReport | undefined> {
  const record = await store.record(id);
  if (!record) return undefined;
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
    throw isStorageFull(error) ? storageFull('The store is full. Free space, then retry the job.', error) : error;
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

async function locateSources(record: JobRecord, signal?: AbortSignal) {
  const cache = new SourceCache(workFolder, config.SOURCE_CACHE_BYTES);
  // Jobs that have ended need their sources no more, however they ended.
  for (const id of await cache.users())
    if (!(await store.record(id)) || (await store.outcome(id))) await cache.release(id);
  return provideSources(record, config, cache, signal);
}

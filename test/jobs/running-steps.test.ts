import { Queue, Worker } from 'bullmq';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { newJobId } from '../../src/jobs/ids.js';
import { JobStore } from '../../src/jobs/job-store.js';
import type { JobOutcome } from '../../src/jobs/record.js';
import { createLogger } from '../../src/log.js';
import { connectRedis } from '../../src/queue/redis.js';
import { QUEUE_PREFIX } from '../../src/queue/settings.js';
import { type QueuedStep, stepJobId } from '../../src/queue/step-jobs.js';
import { JobSpecSchema } from '../../src/schemas/job-spec.js';
import { handBack } from '../../workers/hand-back.js';
import { JobKeeper } from '../../workers/job-keeper.js';
import { RunningSteps } from '../../workers/running-steps.js';
import { startService, type TestService } from '../support/service.js';
import { subfolder, temporaryFolder } from '../support/temporary.js';

const QUEUE = 'steps-that-wait';
const root = temporaryFolder();
const errors: Error[] = [];
const note = (error: Error) => void errors.push(error);
const stopped: string[] = [];
let service: TestService;
let store: JobStore;
let redis: ReturnType<typeof connectRedis>;
let queue: Queue<QueuedStep>;
let worker: Worker<QueuedStep>;
let running: RunningSteps;

beforeAll(async () => {
  service = await startService(subfolder(root), { worker: false });
  store = new JobStore(service.dataDir);
  redis = connectRedis(service.services.config, true, note);
  const options = { connection: redis, prefix: QUEUE_PREFIX };
  queue = new Queue(QUEUE, options);
  // A step that goes on until it is told to stop.
  const wait = (job: { id?: string }, _token?: string, signal?: AbortSignal) =>
    new Promise<void>((resolve) => {
      signal?.addEventListener('abort', () => {
        stopped.push(`${job.id}: ${signal.reason}`);
        resolve();
      });
    });
  worker = new Worker(QUEUE, wait, { ...options, concurrency: 4 });
  worker.on('error', note);
  running = new RunningSteps(store, () => {}, note);
  running.watch(worker);
});
afterAll(async () => {
  running.close();
  worker.cancelAllJobs('the test ends');
  await worker.close();
  await queue.close();
  redis.disconnect();
  await service.close();
});

/** A job with two steps at hand here. */
async function begin(): Promise<string> {
  const spec = JobSpecSchema.parse({
    sources: [{ checkpoint: 'a' }, { checkpoint: 'b' }],
    model: { family: 'embedding', tensor: 'x', width: 3 },
  });
  const id = newJobId();
  const record = { id, created_at: new Date().toISOString(), spec, steps: [], inputs: [], retry_of: null };
  await store.create(record, Buffer.from('{"kind":"linear","steps":[]}'));
  for (const step of ['one', 'two']) await queue.add('basis', { id, step }, { jobId: stepJobId(id, step) });
  await vi.waitFor(() => expect(running.jobs().filter(({ data }) => data.id === id)).toHaveLength(2), 10_000);
  return id;
}

it('steps of a merge that has failed are stopped, those of others go on', async () => {
  const [failed, other] = [await begin(), await begin()];
  const outcome: JobOutcome = { status: 'failed', finished_at: new Date().toISOString(), error: null };
  await store.finish(failed, outcome);
  await vi.waitFor(() => expect(stopped).toHaveLength(2), 10_000);
  expect(stopped.sort()).toEqual(['one', 'two'].map((step) => `${stepJobId(failed, step)}: cancelled`));
  await vi.waitFor(() => expect(running.jobs()).toHaveLength(2), 10_000);
  expect(running.jobs().map(({ data }) => data.id)).toEqual([other, other]);
  expect(errors).toEqual([]);
});

it('steps are handed back though one of them has ended meanwhile', async () => {
  const id = await begin();
  const [one, two] = running.jobs().filter(({ data }) => data.id === id);
  await one.moveToCompleted(null, one.token as string, false);
  await worker.pause(true);
  const log = createLogger(service.services.config, 'test');
  await handBack([one, two], new JobKeeper(store, log), log);
  expect(await two.getState()).toBe('waiting');
  expect((await store.events(id, 0, 10))?.map(({ type }) => type)).toEqual(['job.queued', 'job.retrying']);
});

import { UnrecoverableError, Worker } from 'bullmq';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { JobStore } from '../../src/jobs/job-store.js';
import { createLogger } from '../../src/log.js';
import { connectRedis } from '../../src/queue/redis.js';
import { MERGE_QUEUE, QUEUE_PREFIX, STEP_QUEUE } from '../../src/queue/settings.js';
import type { QueuedMerge, QueuedStep } from '../../src/queue/step-jobs.js';
import { JobKeeper } from '../../workers/job-keeper.js';
import { MergeSteps } from '../../workers/merge-steps.js';
import { makeCheckpoint, randomChain } from '../support/checkpoint.js';
import { startService, type TestService, upload } from '../support/service.js';
import { subfolder, temporaryFolder } from '../support/temporary.js';

const root = temporaryFolder();
const FULL = { code: 'storage_full', message: 'The store is full.', errors: [] };
let service: TestService;
let store: JobStore;
let redis: ReturnType<typeof connectRedis>;
const workers: Worker[] = [];
const note = () => {};

beforeAll(async () => {
  service = await startService(subfolder(root), { worker: false });
  await upload(service.http, 'a', await makeCheckpoint(subfolder(root), randomChain([6, 5, 4], 1)));
  redis = connectRedis(service.services.config, true, note);
  store = new JobStore(service.dataDir);
  const steps = new MergeSteps(store, redis, note);
  const keeper = new JobKeeper(store, createLogger(service.services.config, 'test'));
  const options = { connection: redis, prefix: QUEUE_PREFIX };
  const merges = new Worker<QueuedMerge>(MERGE_QUEUE, steps.process, options);
  merges.on('failed', (job, error) => {
    if (job?.finishedOn !== undefined) void keeper.mergeFailed(job.data.id, error, (id) => steps.cause(id));
  });
  workers.push(merges);
});
afterAll(async () => {
  await Promise.all(workers.map((worker) => worker.close()));
  redis.disconnect();
  await service.close();
});

it('a merge whose worker died right after its last attempt failed says why it failed', async () => {
  // What the queue is told is all that is left of that worker.
  workers.push(
    new Worker<QueuedStep>(
      STEP_QUEUE,
      async (job) => {
        await job.updateData({ ...job.data, failure: FULL });
        throw new UnrecoverableError(FULL.message);
      },
      { connection: redis, prefix: QUEUE_PREFIX },
    ),
  );
  const { body } = await service.http.post('/v1/jobs').send({
    sources: [{ checkpoint: 'a' }, { checkpoint: 'a' }],
    model: { family: 'chain', layers: [{ weight: 'layers.0.weight', width: 7 }, { weight: 'layers.1.weight' }] },
  });
  await vi.waitFor(async () => expect(await store.outcome(body.id)).toBeDefined(), 10_000);
  expect(await store.outcome(body.id)).toMatchObject({ status: 'failed', error: FULL });
});

import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Queue } from 'bullmq';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { JobStore, STEP_MARKER } from '../../src/jobs/job-store.js';
import { connectRedis } from '../../src/queue/redis.js';
import { QUEUE_PREFIX, STEP_QUEUE } from '../../src/queue/settings.js';
import { MergeSteps } from '../../workers/merge-steps.js';
import { makeCheckpoint, randomChain } from '../support/checkpoint.js';
import { startService, type TestService, upload } from '../support/service.js';
import { subfolder, temporaryFolder } from '../support/temporary.js';

const root = temporaryFolder();
let service: TestService;
let store: JobStore;
let redis: ReturnType<typeof connectRedis>;
let queue: Queue;
let steps: MergeSteps;
const errors: Error[] = [];

beforeAll(async () => {
  service = await startService(subfolder(root), { worker: false });
  await upload(service.http, 'a', await makeCheckpoint(subfolder(root), randomChain([6, 5, 4, 3], 1)));
  const note = (error: Error) => void errors.push(error);
  redis = connectRedis(service.services.config, true, note);
  store = new JobStore(service.dataDir);
  queue = new Queue(STEP_QUEUE, { connection: redis, prefix: QUEUE_PREFIX });
  steps = new MergeSteps(store, redis, note);
});
afterAll(async () => {
  await queue.close();
  redis.disconnect();
  await service.close();
});

/** A job of two bases and three files, and its steps in the queue. */
async function submit() {
  const { body } = await service.http
    .post('/v1/jobs')
    .send({
      sources: [{ checkpoint: 'a' }, { checkpoint: 'a' }],
      model: {
        family: 'chain',
        layers: [
          { weight: 'layers.0.weight', width: 7 },
          { weight: 'layers.1.weight', width: 5 },
          { weight: 'layers.2.weight' },
        ],
      },
      output: { max_shard_size: '150B' },
    })
    .expect(202);
  const id = body.id as string;
  const waiting = async () => {
    const names = (await queue.getJobs(['waiting', 'prioritized'])).map((job) => job.id as string);
    return names.flatMap((name) => (name.startsWith(id) ? [name.slice(id.length + 1)] : [])).sort();
  };
  return { id, waiting };
}

async function finish(id: string, step: string): Promise<void> {
  const folder = store.files(id).steps;
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(folder, `${step}${STEP_MARKER}`), '{}');
}

it('a step is queued as soon as what it waits for has ended, though others beside that go on', async () => {
  const { id, waiting } = await submit();
  expect(await waiting()).toEqual(['basis-h0', 'basis-h1']);
  await finish(id, 'basis-h0');
  await steps.ended({ id, step: 'basis-h0' });
  // The second file needs the other basis as well.
  expect(await waiting()).toEqual(['basis-h0', 'basis-h1', 'fold-1']);
  await steps.ended({ id, step: 'basis-h0' });
  await finish(id, 'basis-h1');
  await steps.ended({ id, step: 'basis-h1' });
  expect(await waiting()).toEqual(['basis-h0', 'basis-h1', 'fold-1', 'fold-2', 'fold-3']);
});

it('a step that ends after its merge has left the queue queues nothing', async () => {
  const { id, waiting } = await submit();
  await service.services.queue.withdraw(id);
  await finish(id, 'basis-h0');
  await steps.ended({ id, step: 'basis-h0' });
  expect(await waiting()).toEqual([]);
  expect(errors).toEqual([]);
});

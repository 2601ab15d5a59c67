import { readFileSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobSpecInput } from '../../src/schemas/job-spec.js';
import { makeCheckpoint, randomChain } from '../support/checkpoint.js';
import { type S3Server, startS3 } from '../support/s3.js';
import {
  runJob,
  startProgram,
  startService,
  stopProgram,
  type TestService,
  upload,
  waitForEnd,
  waitUntil,
} from '../support/service.js';
import { subfolder, temporaryFolder } from '../support/temporary.js';

const root = temporaryFolder();
const LAYERS = 6;
const spec: JobSpecInput = {
  sources: [{ checkpoint: 'a' }, { checkpoint: 'b' }],
  model: {
    family: 'chain',
    layers: Array.from({ length: LAYERS }, (_, i) => ({
      weight: `layers.${i}.weight`,
      ...(i < LAYERS - 1 && { width: 180 }),
    })),
  },
  output: { max_shard_size: '150KB' },
};
let s3: S3Server;
let service: TestService;
const keys = async (folder: string) => {
  const found: string[] = [];
  for await (const key of service.services.store.artifacts?.list(folder) ?? []) found.push(key);
  return found;
};
const worker = (scratch: string) =>
  startProgram('workers/worker.js', {
    ...service.env,
    SCRATCH_DIR: scratch,
    REDIS_URL: `unix://${path.join(service.dataDir, 'redis', 'redis.sock')}`,
  });

beforeAll(async () => {
  s3 = await startS3(subfolder(root));
  service = await startService(subfolder(root), {
    worker: false,
    env: { ...s3.env, STORE_URL: `s3://${s3.bucket}/results` },
  });
  for (const [i, name] of ['a', 'b'].entries()) {
    const widths = Array.from({ length: LAYERS + 1 }, () => 120);
    await upload(service.http, name, readFileSync(await makeCheckpoint(subfolder(root), randomChain(widths, i))));
  }
});
afterAll(async () => {
  await service?.close();
  await s3?.stop();
});

describe('workers without a common disk', () => {
  it('go on where a machine that is gone with its disk has stopped, to the same bytes', async () => {
    const [first, second] = [subfolder(root), subfolder(root)];
    const gone = worker(first);
    const { body } = await service.http.post('/v1/jobs').send(spec).expect(202);
    const { id } = await waitUntil(service.http, body.id, ({ progress }) => progress.completed >= 3);
    await stopProgram(gone);
    const before = await keys(`jobs/${id}/steps`);
    const done = await service.services.store.finishedSteps(id);
    expect(done.size).toBeGreaterThanOrEqual(3);
    expect(done.size).toBeLessThan(body.progress.total);
    expect(before.length).toBeGreaterThan(0);
    await rm(first, { recursive: true });

    const other = worker(second);
    const job = await waitForEnd(service.http, id);
    expect([job.status, job.error]).toEqual(['succeeded', null]);
    // Everything the machine that is gone had finished was fetched, under the name of its attempt, not made again.
    const fetched = await readdir(path.join(second, 'steps', id));
    for (const key of before) expect(fetched).toContain(key.split('/').slice(-2).join('.'));
    await expect.poll(() => keys(`jobs/${id}/steps`)).toEqual([]);
    const { body: list } = await service.http.get(`/v1/jobs/${id}/artifacts`).expect(200);
    expect((await keys(`jobs/${id}`)).length).toBe(list.data.length);

    const undisturbed = await runJob(service.http, spec);
    expect(await weightsOf(undisturbed.id)).toEqual(await weightsOf(id));
    await stopProgram(other);
    // What machines have of jobs that have ended goes when a worker starts, and while it runs.
    const last = worker(second);
    await expect.poll(() => readdir(path.join(second, 'steps'))).toEqual([]);
    await stopProgram(last);
  });
});

async function weightsOf(id: string): Promise<[string, string][]> {
  const { body } = await service.http.get(`/v1/jobs/${id}/artifacts`).expect(200);
  const files = (body.data as { file: string; sha256: string }[]).filter(({ file }) => file.endsWith('.safetensors'));
  return files.map(({ file, sha256 }) => [file, sha256]);
}

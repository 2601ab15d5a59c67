import { rm } from 'node:fs/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import { newJobId } from '../../src/jobs/ids.js';
import { JobIndex } from '../../src/jobs/job-index.js';
import { JobStore } from '../../src/jobs/job-store.js';
import { listJobs } from '../../src/jobs/list-jobs.js';
import type { JobHead } from '../../src/jobs/record.js';
import { JobSpecSchema } from '../../src/schemas/job-spec.js';
import { subfolder, temporaryFolder } from '../support/temporary.js';

const root = temporaryFolder();
const spec = JobSpecSchema.parse({
  sources: [{ checkpoint: 'a' }, { checkpoint: 'b' }],
  model: { family: 'embedding', tensor: 'x', width: 3 },
});

let store: JobStore;
let index: JobIndex;
beforeEach(async () => {
  store = new JobStore(subfolder(root));
  await store.open();
  index = new JobIndex(store);
});

/** A job as the API puts it on the disk; its plan is of no interest here. */
async function create(): Promise<JobHead> {
  const record = { id: newJobId(), created_at: new Date().toISOString(), spec, steps: [], inputs: [], retry_of: null };
  await store.create(record, Buffer.from('{}'));
  return record;
}

describe('the index of jobs', () => {
  it('keeps a job that is made here while the folder is being listed', async () => {
    const { id: old } = await create();
    await index.ids();
    const list = store.ids.bind(store);
    let made = '';
    store.ids = async () => {
      const ids = await list();
      const record = await create();
      index.created(record);
      made = record.id;
      return ids;
    };
    await index.ids();
    expect([...index.unfinished]).toEqual([old, made]);
  });

  it('does not take a job for unfinished whose outcome is deleted before the rest of it', async () => {
    const { id } = await create();
    await store.finish(id, { status: 'succeeded', finished_at: new Date().toISOString(), error: null });
    expect(await index.refresh(id)).toMatchObject({ status: 'succeeded' });
    await rm(store.files(id).outcome);
    expect(await index.refresh(id)).toBeUndefined();
    expect(index.unfinished.size).toBe(0);
  });

  it('is not waited for by lists while it is being filled', async () => {
    const made = [await create(), await create(), await create()].map(({ id }) => id);
    await store.finish(made[1], { status: 'failed', finished_at: new Date().toISOString(), error: null });
    // The store of a start with so many jobs that reading them all has not come to its end.
    let goOn = () => {};
    const held = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const ids = store.ids.bind(store);
    let asked = 0;
    store.ids = async () => {
      if (asked++ === 0) await held;
      return ids();
    };
    const filling = index.ids();
    const page = async (rest: object = {}) =>
      (await listJobs(index, { labels: {}, limit: 20, order: 'asc', ...rest })).data.map(({ id }) => id);
    expect(await page()).toEqual(made);
    expect(await page({ limit: 2, order: 'desc' })).toEqual([made[2], made[1]]);
    expect(await page({ status: 'failed' })).toEqual([made[1]]);
    expect(await page({ status: 'queued', after: made[0] })).toEqual([made[2]]);
    goOn();
    expect(await filling).toEqual(made);
    expect(await page()).toEqual(made);
    expect(index.unfinished.size).toBe(2);
  });

  it('forgets jobs that were deleted elsewhere', async () => {
    const [gone, kept] = [await create(), await create()];
    await index.ids();
    await rm(store.files(gone.id).folder, { recursive: true });
    await index.ids();
    expect([...index.unfinished]).toEqual([kept.id]);
  });
});

import { rm } from 'node:fs/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import { newJobId } from '../../src/jobs/ids.js';
import { JobIndex } from '../../src/jobs/job-index.js';
import { JobStore } from '../../src/jobs/job-store.js';
import type { JobRecord } from '../../src/jobs/record.js';
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
async function create(): Promise<JobRecord> {
  const plan = { kind: 'linear', steps: [] } as unknown as JobRecord['plan'];
  const record = { id: newJobId(), created_at: new Date().toISOString(), spec, plan, inputs: [], retry_of: null };
  await store.create(record);
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

  it('forgets jobs that were deleted elsewhere', async () => {
    const [gone, kept] = [await create(), await create()];
    await index.ids();
    await rm(store.files(gone.id).folder, { recursive: true });
    await index.ids();
    expect([...index.unfinished]).toEqual([kept.id]);
  });
});

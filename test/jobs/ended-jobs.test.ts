import { appendFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { newJobId } from '../../src/jobs/ids.js';
import { JobIndex } from '../../src/jobs/job-index.js';
import { JobStore } from '../../src/jobs/job-store.js';
import { JobSpecSchema } from '../../src/schemas/job-spec.js';
import { subfolder, temporaryFolder } from '../support/temporary.js';

const root = temporaryFolder();
const spec = JobSpecSchema.parse({
  sources: [{ checkpoint: 'a' }],
  model: { family: 'chain', layers: [{ weight: 'w' }] },
  labels: { team: 'x' },
});
const ended = { status: 'succeeded', finished_at: '2026-01-01T00:00:00.000Z', error: null } as const;

/** Plans are of no interest here. */
const NO_PLAN = Buffer.from('{}');

/** `count` jobs in a store, those of `open` not ended. */
async function jobs(count: number, open: readonly number[] = []) {
  const store = new JobStore(subfolder(root));
  await store.open();
  const ids: string[] = [];
  for (let i = 0; i < count; i++) {
    const id = newJobId();
    const record = { id, created_at: new Date().toISOString(), spec, steps: [], inputs: [], retry_of: null };
    await store.create(record, NO_PLAN);
    if (!open.includes(i)) await store.finish(id, ended);
    ids.push(id);
  }
  return { store, ids };
}

async function indexOf(store: JobStore) {
  const index = new JobIndex(store);
  await index.ids();
  await index.close();
  return index;
}

describe('the index of jobs after a restart', () => {
  it('knows ended jobs without reading their records', async () => {
    const { store, ids } = await jobs(5, [4]);
    const before = (await indexOf(store)).get(ids[2]);
    for (const id of ids.slice(0, 4)) rmSync(store.files(id).record);
    const index = await indexOf(store);
    expect(index.counts()).toMatchObject({ succeeded: 4, queued: 1 });
    expect(index.get(ids[2])).toEqual(before);
    expect(before).toMatchObject({ status: 'succeeded', labels: { team: 'x' }, finished_at: ended.finished_at });
    expect([...index.unfinished]).toEqual([ids[4]]);
  });

  it('believes its file of no job that has no outcome, and of none that is gone', async () => {
    const { store, ids } = await jobs(3);
    await indexOf(store);
    rmSync(store.files(ids[0]).outcome);
    rmSync(store.files(ids[1]).folder, { recursive: true });
    const index = await indexOf(store);
    expect([...index.unfinished]).toEqual([ids[0]]);
    expect(index.get(ids[1])).toBeUndefined();
    expect(index.counts().succeeded).toBe(1);
  });

  it.each([
    ['is lost', (file: string) => rmSync(file)],
    ['is damaged', (file: string) => writeFileSync(file, '\0\n{"id":\n[]\nnull\n7')],
    ['was torn in its last line', (file: string) => appendFileSync(file, '\n{"id":"job_')],
  ])('reads the records where the file %s', async (_, damage) => {
    const { store } = await jobs(3);
    await indexOf(store);
    damage(store.endedJobs);
    expect((await indexOf(store)).counts().succeeded).toBe(3);
    // And remembers them again, behind whatever stood there.
    for (const id of await store.ids()) rmSync(store.files(id).record);
    expect((await indexOf(store)).counts().succeeded).toBe(3);
  });

  it('keeps the file in proportion to the jobs there are', async () => {
    const { store, ids } = await jobs(2);
    await indexOf(store);
    const line = readFileSync(store.endedJobs, 'utf8').split('\n')[1];
    appendFileSync(store.endedJobs, `\n${line}`.repeat(2000));
    expect((await indexOf(store)).counts().succeeded).toBe(2);
    const kept = readFileSync(store.endedJobs, 'utf8').split('\n').filter(Boolean);
    expect(kept.map((text) => JSON.parse(text).id).sort()).toEqual([...ids].sort());
  });

  it('finds a job that was made and ended beside it', async () => {
    const { store } = await jobs(1);
    const index = await indexOf(store);
    const record = {
      id: newJobId(),
      created_at: new Date().toISOString(),
      spec,
      steps: [],
      inputs: [],
      retry_of: null,
    };
    await store.create(record, NO_PLAN);
    expect(await index.ids()).toContain(record.id);
    expect(index.counts()).toMatchObject({ succeeded: 1, queued: 1 });
    await store.finish(record.id, ended);
    await index.refresh(record.id);
    expect(index.counts()).toMatchObject({ succeeded: 2, queued: 0 });
  });
});

import { mkdir, readdir, rename, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { EventLog, type NextEvent } from '../../src/jobs/event-log.js';
import { ended, progressed, retrying, running } from '../../src/jobs/events.js';
import { initialState, type JobState } from '../../src/jobs/record.js';
import { isFinalEvent } from '../../src/schemas/event.js';
import { jobLayout } from '../../src/store/layout.js';
import { subfolder, temporaryFolder } from '../support/temporary.js';

const root = temporaryFolder();
const ID = 'job_01ARZ3NDEKTSV4RRFFQ69G5FAV';
const ALL = 10_000;

async function folder() {
  const dataDir = subfolder(root);
  await mkdir(jobLayout(dataDir, ID).folder, { recursive: true });
  return dataDir;
}

const at = (fraction: number, rest: Partial<JobState> = {}): JobState => ({
  ...initialState(100),
  status: 'running',
  attempt: 1,
  progress: { phase: 'fold', completed: 0, total: 100, fraction },
  ...rest,
});
const always =
  (fraction: number): NextEvent =>
  () => ({ type: 'job.progress', data: at(fraction) as never });
const failure = { status: 'failed', finished_at: '2026-01-01T00:00:00.000Z', error: null } as const;

describe('the events of a job', () => {
  it('have ids without gaps or doubles, however many write at once, and end once', async () => {
    const dataDir = await folder();
    const writers = Array.from({ length: 8 }, () => new EventLog(dataDir));
    const written = await Promise.all(
      writers.map(async (log, w) => {
        let count = 0;
        for (let i = 0; i < 12; i++) if (await log.append(ID, always(w / 8))) count++;
        if (await log.append(ID, ended(failure, at(0.5)))) count++;
        return count;
      }),
    );
    const events = await new EventLog(dataDir).read(ID, 0, ALL);
    expect(events.map(({ id }) => id)).toEqual(events.map((_, i) => i + 2));
    expect(events.length).toBe(written.reduce((sum, n) => sum + n, 0));
    expect(events.filter(isFinalEvent)).toEqual([events.at(-1)]);
    expect(events.at(-1)).toMatchObject({ type: 'job.failed', created_at: failure.finished_at });
    expect(await new EventLog(dataDir).append(ID, always(1))).toBeUndefined();
  });

  it('are read in pages', async () => {
    const dataDir = await folder();
    const log = new EventLog(dataDir);
    for (let i = 0; i < 40; i++) await log.append(ID, always(i / 40));
    const ids = async (after: number, limit: number) => (await log.read(ID, after, limit)).map(({ id }) => id);
    expect(await ids(0, 3)).toEqual([2, 3, 4]);
    expect(await ids(4, 30)).toEqual(Array.from({ length: 30 }, (_, i) => i + 5));
    expect(await ids(39, ALL)).toEqual([40, 41]);
    expect(await ids(41, ALL)).toEqual([]);
    expect(await ids(1_000_000, ALL)).toEqual([]);
  });

  it('say what is new: each attempt once, whole percents and phases, never a step back', async () => {
    const dataDir = await folder();
    // As two workers that share a merge: neither knows what the other wrote.
    const [a, b] = [new EventLog(dataDir), new EventLog(dataDir)];
    await a.append(ID, running(at(0)));
    await b.append(ID, running(at(0)));
    await b.append(ID, progressed(at(0.021)));
    await a.append(ID, progressed(at(0.01)));
    await a.append(ID, progressed(at(0.029)));
    const evaluating = { phase: 'evaluate', completed: 3, total: 100, fraction: 0.0295 } as const;
    await a.append(ID, progressed(at(0, { progress: evaluating })));
    await b.append(ID, retrying(at(0.03, { status: 'queued' }), 'the first'));
    await a.append(ID, retrying(at(0.03, { status: 'queued' }), 'the second'));
    await a.append(ID, running(at(0.03, { attempt: 2 })));
    const events = await a.read(ID, 0, ALL);
    expect(events.map(({ type, data }) => [type, data.attempt, data.progress.fraction, data.message])).toEqual([
      ['job.running', 1, 0, undefined],
      ['job.progress', 1, 0.021, undefined],
      ['job.progress', 1, 0.0295, undefined],
      ['job.retrying', 1, 0.03, 'the first'],
      ['job.running', 2, 0.03, undefined],
    ]);
  });

  it('are not written for a job that has been deleted, and bring nothing of it back', async () => {
    const dataDir = await folder();
    const log = new EventLog(dataDir);
    await log.append(ID, running(at(0)));
    await rename(jobLayout(dataDir, ID).folder, `${dataDir}/gone`);
    expect(await log.append(ID, progressed(at(0.5)))).toBeUndefined();
    expect(await readdir(`${dataDir}/jobs`)).toEqual([]);
  });

  it('are not confused by what a writer that died left half-written', async () => {
    const dataDir = await folder();
    const log = new EventLog(dataDir);
    await log.append(ID, running(at(0)));
    await writeFile(`${jobLayout(dataDir, ID).events}/3.json.4711.abcdef.tmp`, '{"id":3,"ty');
    await new EventLog(dataDir).append(ID, progressed(at(0.5)));
    expect((await log.read(ID, 0, ALL)).map(({ id, type }) => [id, type])).toEqual([
      [2, 'job.running'],
      [3, 'job.progress'],
    ]);
  });
});

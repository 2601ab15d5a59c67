import { createHash } from 'node:crypto';
import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FileStore } from '../../src/store/file-store.js';
import type { ObjectStore } from '../../src/store/object-store.js';
import { createS3Client } from '../../src/store/s3-client.js';
import { S3Store } from '../../src/store/s3-store.js';
import { StepStore } from '../../workers/pipeline/step-store.js';
import { type S3Server, startS3 } from '../support/s3.js';
import { subfolder, temporaryFolder } from '../support/temporary.js';

const root = temporaryFolder();
const timings = () => ({ started_at: 0, seconds: {}, peak_memory_bytes: 0 });

function write(store: StepStore, text: string) {
  writeFileSync(store.target('out'), text);
  return { out: { size: text.length, sha256: createHash('sha256').update(text).digest('hex') } };
}

describe('steps on disk', () => {
  it('a finished step is there for other processes, with the files of the attempt that finished it', async () => {
    const folder = subfolder(root);
    const one = await StepStore.open(folder);
    expect(await one.begin('a', 'w1', timings)).toBe(1);
    await one.finish('a', write(one, 'first'), { x: 1 });
    const other = await StepStore.open(folder);
    expect(await other.finished('a')).toMatchObject({ attempt: 1, data: { x: 1 } });
    expect(other.file('out')).toBe(one.file('out'));
  });

  it('an attempt that was given up can neither finish nor touch what the next one wrote', async () => {
    const folder = subfolder(root);
    const [stale, next] = [await StepStore.open(folder), await StepStore.open(folder)];
    await stale.begin('a', 'w1', timings);
    expect(await next.begin('a', 'w2', timings)).toBe(2);
    await expect(stale.finish('a', write(stale, 'stale'))).rejects.toThrow('given up');
    await next.finish('a', write(next, 'fresh'));
    await expect(stale.confirm()).rejects.toMatchObject({ code: 'attempt_superseded', retryable: true });
    write(stale, 'too late');
    expect(await (await StepStore.open(folder)).finished('a')).toMatchObject({ attempt: 2 });
  });

  it('a step whose file is shorter or other than its marker says did not happen', async () => {
    for (const damage of [(file: string) => truncateSync(file, 2), (file: string) => writeFileSync(file, 'FIRST')]) {
      const folder = subfolder(root);
      const one = await StepStore.open(folder);
      await one.begin('a', 'w1', timings);
      await one.finish('a', write(one, 'first'));
      damage(one.file('out'));
      expect(await (await StepStore.open(folder)).finished('a')).toBeUndefined();
    }
  });
});

let s3: S3Server;
beforeAll(async () => {
  s3 = await startS3(subfolder(root));
});
afterAll(() => s3?.stop());

const stores: [string, () => ObjectStore][] = [
  ['a folder', () => new FileStore(subfolder(root))],
  [
    'S3',
    () => {
      const client = createS3Client({ S3_ENDPOINT: s3.env.S3_ENDPOINT, AWS_REGION: 'us-east-1' });
      return new S3Store(client, s3.bucket, path.basename(subfolder(root)));
    },
  ],
];

describe.each(stores)('steps of machines without a common disk, through %s', (_, makeStore) => {
  const machines = () => {
    const [markers, store] = [subfolder(root), makeStore()];
    const machine = (folder = subfolder(root)) =>
      StepStore.open(markers, { folder, store, key: 'jobs/job/steps' }).then((steps) => ({ folder, steps }));
    const keys = async () => {
      const found: string[] = [];
      for await (const key of store.list('jobs')) found.push(key);
      return found;
    };
    return { machine, store, keys };
  };
  const finish = async ({ steps }: { steps: StepStore }, text: string) => {
    await steps.begin('a', 'w', timings);
    await steps.finish('a', write(steps, text), { text });
  };

  it('what one has written the others have, also when its disk is gone', async () => {
    const { machine, keys } = machines();
    const one = await machine();
    await finish(one, 'first');
    expect(await keys()).toEqual(['jobs/job/steps/a.1/out']);
    rmSync(one.folder, { recursive: true });
    const other = await machine();
    expect(await other.steps.finished('a')).toMatchObject({ attempt: 1, data: { text: 'first' } });
    expect(other.steps.file('out').startsWith(other.folder)).toBe(true);
    expect(readFileSync(other.steps.file('out'), 'utf8')).toBe('first');
  });

  it('a copy that was damaged is fetched again', async () => {
    const { machine } = machines();
    const { folder, steps } = await machine();
    await finish({ steps }, 'first');
    writeFileSync(steps.file('out'), 'FIRST');
    const again = await machine(folder);
    expect(await again.steps.finished('a')).toBeDefined();
    expect(readFileSync(again.steps.file('out'), 'utf8')).toBe('first');
  });

  it('a step whose file the store has lost, or has other bytes of, did not happen', async () => {
    const { machine, store } = machines();
    await finish(await machine(), 'first');
    await store.put('jobs/job/steps/a.1/out', Readable.from(['FIRST']));
    expect(await (await machine()).steps.finished('a')).toBeUndefined();
    await store.delete('jobs/job/steps');
    expect(await (await machine()).steps.finished('a')).toBeUndefined();
  });

  it('an attempt that was given up leaves nothing there', async () => {
    const { machine, keys } = machines();
    const [stale, next] = [await machine(), await machine()];
    await stale.steps.begin('a', 'w1', timings);
    await finish(next, 'fresh');
    await expect(stale.steps.finish('a', write(stale.steps, 'stale'))).rejects.toThrow('given up');
    expect(await keys()).toEqual(['jobs/job/steps/a.2/out']);
  });
});

describe('an S3 store that is away for a moment', () => {
  it.skipIf(process.env.S3_TEST_ENDPOINT)(
    'is waited for, not taken for a failure of the step',
    async () => {
      const client = createS3Client({ S3_ENDPOINT: s3.env.S3_ENDPOINT, AWS_REGION: 'us-east-1' });
      const store = new S3Store(client, s3.bucket, path.basename(subfolder(root)));
      const machine = (markers: string) =>
        StepStore.open(markers, { folder: subfolder(root), store, key: 'jobs/job/steps' });
      const markers = subfolder(root);
      const steps = await machine(markers);
      await steps.begin('a', 'w', timings);
      const files = write(steps, 'first');
      const back = s3.away?.(1500);
      await steps.finish('a', files);
      await back;
      expect(await (await machine(markers)).finished('a')).toBeDefined();
      client.destroy();
    },
    60_000,
  );
});

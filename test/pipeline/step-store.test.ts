import { createHash } from 'node:crypto';
import { truncateSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { StepStore } from '../../workers/pipeline/step-store.js';
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

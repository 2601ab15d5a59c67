import { readdir, rename, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startService, type TestService } from '../support/service.js';
import { subfolder, temporaryFolder } from '../support/temporary.js';
import {
  cutEverywhere,
  cutUpload,
  damage,
  filled,
  put,
  sendWrongDigests,
  writeConcurrently,
} from '../support/uploads.js';

const root = temporaryFolder();
let service: TestService;

beforeAll(async () => {
  service = await startService(subfolder(root), { worker: false });
});
afterAll(() => service?.close());

const folder = (name: string) => path.join(service.dataDir, 'checkpoints', name);

describe('a checkpoint is never damaged', () => {
  it('by an upload cut at any 64 KiB', async () => {
    const { cuts, damaged } = await cutEverywhere(service, 640 * 1024);
    expect([cuts, damaged]).toEqual([22, []]);
  });

  it('by a digest of something else', async () => {
    expect(await sendWrongDigests(service, 4)).toEqual({ refused: 4, damaged: [] });
  });

  it('by several writers of one file', async () => {
    expect(await writeConcurrently(service, 6, 4, 256 * 1024)).toEqual({ uploads: 24, damaged: [] });
  });

  it('by a failing upload beside one that begins a checkpoint', async () => {
    const body = filled(65_536, 3);
    for (let i = 0; i < 10; i++) {
      const name = `beside-${i}`;
      const [good] = await Promise.all([
        put(service, name, body),
        ...Array.from({ length: 4 }, () => put(service, name, Buffer.from('nonsense that is no header'))),
        cutUpload(service, name, body, 4096, false),
      ]);
      expect([good.status, await damage(service, name, [body])]).toEqual([201, undefined]);
    }
  });

  it('by a crash between a file and its entry: the entry of the file before does not count', async () => {
    const [before, after] = [filled(4096, 1), filled(8192, 2)];
    await put(service, 'crashed', before);
    const file = path.join(folder('crashed'), 'model.safetensors');
    await writeFile(`${file}.new`, after);
    await rename(`${file}.new`, file);
    expect(await damage(service, 'crashed', [after])).toBeUndefined();
    // Hashed once, then remembered.
    expect(await damage(service, 'crashed', [after])).toBeUndefined();
  });
});

describe('what a killed upload leaves', () => {
  it('is swept at the next start once it has not moved for long', async () => {
    await put(service, 'swept', filled(4096, 1));
    const meta = path.join(folder('swept'), '.weightfold');
    const [old, fresh] = ['upload-old', 'upload-fresh'].map((name) => path.join(meta, name));
    await writeFile(old, 'half');
    await writeFile(fresh, 'half');
    await utimes(old, new Date(0), new Date(0));
    await service.services.checkpoints.openStore();
    expect((await readdir(meta)).sort()).toEqual(['model.safetensors.json', 'upload-fresh']);
  });
});

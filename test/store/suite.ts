import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ObjectStore } from '../../src/store/object-store.js';

const MIB = 1024 * 1024;
const body = (bytes: Buffer) => Readable.from(bytes.length > 0 ? [bytes.subarray(0, 5), bytes.subarray(5)] : []);
const sha = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

/**
 * Every verb of the contract, for one kind of store.
 * @param tornWrites why the server at hand may mix two writers of one key, where it may
 */
export function testStore(name: string, make: () => Promise<ObjectStore>, { tornWrites = '' } = {}): void {
  describe(`object store: ${name}`, () => {
    let store: ObjectStore;
    beforeAll(async () => {
      store = await make();
    });
    const keys = async (folder: string) => {
      const found: string[] = [];
      for await (const key of store.list(folder)) found.push(key);
      return found.sort();
    };
    const read = async (key: string, range?: { start: number; end: number }) => buffer(await store.get(key, range));

    it.each([
      ['empty', 0],
      ['a few bytes', 11],
      ['a megabyte and a byte', MIB + 1],
      ['several parts', 70 * MIB + 3],
      ['several parts of known size', 20 * MIB + 3, 20 * MIB + 3],
    ])('gives back what was put: %s', async (what, size, expected?: number) => {
      const bytes = randomBytes(size);
      const key = `trip/${what.replaceAll(' ', '-')}/file.bin`;
      expect(await store.put(key, body(bytes), expected)).toEqual({ size, sha256: sha(bytes) });
      expect(await store.size(key)).toBe(size);
      expect((await read(key)).equals(bytes)).toBe(true);
    });

    it('gives ranges', async () => {
      const bytes = randomBytes(1000);
      await store.put('ranges/file', body(bytes));
      for (const [start, end] of [
        [0, 1],
        [5, 5],
        [10, 19],
        [999, 999],
        [0, 999],
      ])
        expect((await read('ranges/file', { start, end })).equals(bytes.subarray(start, end + 1))).toBe(true);
    });

    it('says what is not there', async () => {
      expect(await store.size('none/file')).toBeUndefined();
      await expect(store.get('none/file')).rejects.toMatchObject({ code: 'artifact_not_found', status: 404 });
      expect(await keys('none')).toEqual([]);
      await expect(store.delete('none')).resolves.toBeUndefined();
    });

    it('replaces a file as a whole, and keeps it where the new one fails', async () => {
      const [before, after] = [randomBytes(100), randomBytes(200)];
      await store.put('replaced/file', body(before));
      await store.put('replaced/file', body(after));
      expect((await read('replaced/file')).equals(after)).toBe(true);
      async function* broken() {
        yield randomBytes(50);
        throw new Error('the reader broke');
      }
      await expect(store.put('replaced/file', Readable.from(broken()))).rejects.toThrow('the reader broke');
      expect((await read('replaced/file')).equals(after)).toBe(true);
      await expect(store.put('replaced/new', Readable.from(broken()))).rejects.toThrow('the reader broke');
      expect(await keys('replaced')).toEqual(['replaced/file']);
    });

    it.skipIf(tornWrites)(`holds one of the files that were written at once ${tornWrites}`, async () => {
      const contents = Array.from({ length: 5 }, () => randomBytes(MIB));
      await Promise.all(contents.map((bytes) => store.put('contested/file', body(bytes))));
      const found = await read('contested/file');
      expect(contents.filter((bytes) => bytes.equals(found)).length).toBe(1);
    });

    it('lists and deletes a folder, not what merely begins like it', async () => {
      for (const key of ['jobs/1/a', 'jobs/1/b/c', 'jobs/10/a']) await store.put(key, body(randomBytes(10)));
      expect(await keys('jobs/1')).toEqual(['jobs/1/a', 'jobs/1/b/c']);
      await store.delete('jobs/1');
      expect(await keys('jobs')).toEqual(['jobs/10/a']);
    });

    it.each(['', '/etc/passwd', '../x', 'a/../b', 'a//b', 'a/', 'a b', 'a\\b', 'a/./b', 'ä'])(
      'refuses the key "%s"',
      async (key) => {
        await expect((async () => store.size(key))()).rejects.toThrow('is not a key');
      },
    );
  });
}

import { createHash, randomBytes } from 'node:crypto';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { SourceCache } from '../../src/sources/cache.js';
import { HttpClient } from '../../src/sources/http.js';
import { HttpOrigin } from '../../src/sources/http-origin.js';
import type { RemoteFile } from '../../src/sources/origin.js';
import { subfolder, temporaryFolder } from '../support/temporary.js';
import { FileServer } from './file-server.js';

const root = temporaryFolder();
const patience = { attempts: 2 };
const MIB = 1024 * 1024;
let server: FileServer;
let client: HttpClient;
let dataDir: string;

beforeAll(async () => {
  server = await new FileServer().start();
  client = new HttpClient({ allowPrivate: true, trusted: [] });
});
beforeEach(() => {
  dataDir = subfolder(root);
});
afterAll(() => Promise.all([client.close(), server.stop()]));

const origin = () => new HttpOrigin({ label: 'it', client, url: (name) => `${server.url}/${name}` });
const serve = async (name: string, content: Buffer): Promise<RemoteFile> => {
  server.files.set(`/${name}`, content);
  return (await origin().stat(name)) as RemoteFile;
};
const provide = (cache: SourceCache, file: RemoteFile, job: string) =>
  cache.provide(origin(), file, 'identity', path.join(cache.folder(job, 0), file.name), patience);
const reads = (name: string) => server.seen.filter(({ url, range }) => url === `/${name}` && range !== 'bytes=0-0');
const kept = async () =>
  (await readdir(path.join(dataDir, 'sources/blobs'))).filter((name) => /^[0-9a-f]{64}$/.test(name));

describe('the cache of remote sources', () => {
  it('fetches a file once, whoever asks at once', async () => {
    const content = randomBytes(3 * MIB);
    const file = await serve('shared', content);
    const caches = Array.from({ length: 4 }, () => new SourceCache(dataDir, 1e9));
    const hashes = await Promise.all(caches.map((cache, i) => provide(cache, file, `job${i}`)));
    expect(new Set(hashes)).toEqual(new Set([createHash('sha256').update(content).digest('hex')]));
    expect(reads('shared').length).toBe(1);
    for (const [i, cache] of caches.entries())
      expect((await readFile(path.join(cache.folder(`job${i}`, 0), 'shared'))).equals(content)).toBe(true);
  });

  it('goes on after a crash where the last attempt stood', async () => {
    const content = randomBytes(40 * MIB);
    const file = await serve('resumed', content);
    const cache = new SourceCache(dataDir, 1e9);
    // The last of three chunks never comes: the attempt ends as a killed process would leave it.
    server.intercept = (request, response) =>
      request.headers.range?.startsWith(`bytes=${32 * MIB}-`) === true && Boolean(response.destroy());
    await expect(provide(cache, file, 'job')).rejects.toMatchObject({ code: 'source_unavailable', retryable: true });
    server.intercept = () => false;
    const before = reads('resumed').length;
    await provide(new SourceCache(dataDir, 1e9), file, 'job');
    const after = reads('resumed').slice(before);
    expect(after.map(({ range }) => range)).toEqual([`bytes=${32 * MIB}-${40 * MIB - 1}`]);
    expect((await readFile(path.join(cache.folder('job', 0), 'resumed'))).equals(content)).toBe(true);
  });

  it('refuses a file that changed since it was described', async () => {
    const file = await serve('changed', randomBytes(1000));
    server.files.set('/changed', randomBytes(1000));
    await expect(provide(new SourceCache(dataDir, 1e9), file, 'job')).rejects.toMatchObject({ code: 'source_changed' });
    server.files.set('/changed', randomBytes(999));
    await expect(provide(new SourceCache(dataDir, 1e9), file, 'job')).rejects.toMatchObject({ code: 'source_changed' });
    server.files.delete('/changed');
    await expect(provide(new SourceCache(dataDir, 1e9), file, 'job')).rejects.toMatchObject({ code: 'source_changed' });
  });

  it('keeps to its bound by removing what was used longest ago, but nothing in use', async () => {
    const cache = new SourceCache(dataDir, 2.5 * MIB);
    const hashes: string[] = [];
    for (const name of ['x', 'y', 'z']) {
      hashes.push(await provide(cache, await serve(name, randomBytes(MIB)), `job-${name}`));
      await new Promise((done) => setTimeout(done, 20));
      if (name !== 'y') await cache.release(`job-${name}`);
    }
    // x went to make room for z; y is in use.
    expect(new Set(await kept())).toEqual(new Set(hashes.slice(1)));
    await cache.evict(100 * MIB);
    expect(await kept()).toEqual([hashes[1]]);
    expect((await stat(path.join(cache.folder('job-y', 0), 'y'))).size).toBe(MIB);
    await cache.release('job-y');
    await cache.evict(100 * MIB);
    expect(await kept()).toEqual([]);
  });

  it('does not reuse a file that nothing identifies', async () => {
    server.etags = false;
    const cache = new SourceCache(dataDir, 1e9);
    const file = await serve('anonymous', randomBytes(1000));
    expect([file.validator, file.sha256]).toEqual([null, null]);
    const first = await provide(cache, file, 'job1');
    server.files.set('/anonymous', randomBytes(1000));
    expect(await provide(cache, file, 'job2')).not.toBe(first);
    server.etags = true;
  });

  it('fetches again what was lost', async () => {
    const content = randomBytes(1000);
    const file = await serve('lost', content);
    const cache = new SourceCache(dataDir, 1e9);
    const sha256 = await provide(cache, file, 'job1');
    await cache.release('job1');
    await rm(path.join(dataDir, 'sources/blobs', sha256));
    await provide(cache, file, 'job2');
    expect((await readFile(path.join(cache.folder('job2', 0), 'lost'))).equals(content)).toBe(true);
  });
});

import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_MAX_HEADER_BYTES } from '../../src/safetensors/header.js';
import type { JobSpecInput } from '../../src/schemas/job-spec.js';
import { makeCheckpoint, randomChain } from '../support/checkpoint.js';
import { rawFile } from '../support/raw-safetensors.js';
import { runJob, startService, type TestService } from '../support/service.js';
import { subfolder, temporaryFolder } from '../support/temporary.js';

const root = temporaryFolder();
let spec: JobSpecInput;
let service: TestService | undefined;

beforeAll(async () => {
  const uri = pathToFileURL(await makeCheckpoint(subfolder(root), randomChain([5, 4, 3], 1))).href;
  spec = {
    sources: [{ uri }, { uri }],
    model: { family: 'chain', layers: [{ weight: 'layers.0.weight', width: 3 }, { weight: 'layers.1.weight' }] },
  };
});
afterEach(async () => {
  await service?.close();
  service = undefined;
});

async function start(env: NodeJS.ProcessEnv, worker = false): Promise<TestService> {
  service = await startService(subfolder(root), { worker, env: { SOURCE_ROOTS: root, ...env } });
  return service;
}

describe('a limit', () => {
  it('of queued jobs is met with 429 and Retry-After, until one of them has ended', async () => {
    const { http } = await start({ MAX_QUEUED_JOBS: '2' });
    const { body: first } = await http.post('/v1/jobs').send(spec).expect(202);
    await http.post('/v1/jobs').send(spec).expect(202);
    const refused = await http.post('/v1/jobs').send(spec).expect(429);
    expect(refused.body).toMatchObject({ code: 'queue_full', detail: expect.stringContaining('MAX_QUEUED_JOBS') });
    expect(refused.headers['retry-after']).toMatch(/^\d+$/);
    await http.post(`/v1/jobs/${first.id}/cancel`).expect(202);
    await http.post('/v1/jobs').send(spec).expect(202);
  });

  it('of free space is met with 507 before anything is written', async () => {
    const { http, dataDir } = await start({ MIN_FREE_BYTES: `${2 ** 52}` });
    const refused = await http.post('/v1/jobs').send(spec).expect(507);
    expect(refused.body).toMatchObject({ code: 'storage_full', detail: expect.stringContaining('MIN_FREE_BYTES') });
    expect((await http.get('/v1/jobs')).body.data).toEqual([]);
    const upload = await http.put('/v1/checkpoints/a/files/config.json').send('{}').expect(507);
    expect(upload.body.code).toBe('storage_full');
    expect(existsSync(path.join(dataDir, 'checkpoints', 'a'))).toBe(false);
  });

  it('of headers holds for reading and for running: a file that was let in is merged', async () => {
    const padded = path.join(subfolder(root), 'padded.safetensors');
    const file = await readFile(await makeCheckpoint(subfolder(root), randomChain([5, 4, 3], 2)));
    const json = file.subarray(8, 8 + Number(file.readBigUInt64LE(0)));
    // The format pads headers with spaces; so much is more than the default cap.
    const header = Buffer.concat([json, Buffer.alloc(DEFAULT_MAX_HEADER_BYTES, ' ')]);
    await writeFile(padded, Buffer.concat([rawFile(header), file.subarray(8 + json.length)]));
    const uri = pathToFileURL(padded).href;
    const own = { ...spec, sources: [{ uri }, { uri }] };
    const usual = await start({});
    const { body } = await usual.http.post('/v1/jobs').send(own).expect(422);
    expect(body).toMatchObject({ code: 'safetensors_invalid', detail: expect.stringContaining('the limit is') });
    await usual.close();
    const { http } = await start({ MAX_HEADER_BYTES: `${2 * DEFAULT_MAX_HEADER_BYTES}` }, true);
    expect(await runJob(http, own)).toMatchObject({ status: 'succeeded' });
  });

  it('of memory is told by the plan, and at submission', async () => {
    const { http } = await start({ WORKER_MEMORY_BYTES: '1000' });
    for (const route of ['/v1/jobs/plan', '/v1/jobs']) {
      const { body } = await http.post(route).send(spec).expect(422);
      expect(body).toMatchObject({ code: 'memory_exceeded', detail: expect.stringContaining('workers have 1000') });
    }
  });
});

describe('retention', () => {
  it('removes jobs that ended long ago; none that waits, and none that is being downloaded', async () => {
    const { http, services } = await start({ RETENTION_HOURS: '0.000001' });
    const ids: string[] = [];
    for (let i = 0; i < 3; i++) ids.push((await http.post('/v1/jobs').send(spec).expect(202)).body.id);
    const [waiting, ended, downloaded] = ids;
    for (const id of [ended, downloaded]) await http.post(`/v1/jobs/${id}/cancel`).expect(202);
    services.jobs.downloads.begin(downloaded);
    const left = async () => (await http.get('/v1/jobs')).body.data.map(({ id }: { id: string }) => id).sort();
    while ((await left()).includes(ended)) await services.jobs.sweep();
    expect(await left()).toEqual([waiting, downloaded].sort());
    expect(existsSync(services.store.files(ended).folder)).toBe(false);
    services.jobs.downloads.end(downloaded);
    await services.jobs.sweep();
    expect(await left()).toEqual([waiting]);
  });
});

describe('/readyz', () => {
  it('is 503 while there is too little space for any job', async () => {
    const { http } = await start({ MIN_FREE_BYTES: `${2 ** 52}` });
    const { body } = await http.get('/readyz').expect(503);
    expect(body).toMatchObject({
      checks: { queue: 'ok', store: 'failed' },
      reasons: [expect.stringContaining('MIN_FREE_BYTES')],
    });
  });
});

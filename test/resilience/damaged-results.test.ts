import { cp, mkdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newJobId } from '../../src/jobs/ids.js';
import type { JobSpecInput } from '../../src/schemas/job-spec.js';
import { makeCheckpoint, randomChain } from '../support/checkpoint.js';
import { runJob, startService, type TestService, upload } from '../support/service.js';
import { subfolder, temporaryFolder } from '../support/temporary.js';

const root = temporaryFolder();
/** A client that waits for bytes which never come waits for a minute and more. */
const AT_ONCE_MS = 10_000;
const spec: JobSpecInput = {
  sources: [{ checkpoint: 'a' }, { checkpoint: 'a' }],
  model: { family: 'chain', layers: [{ weight: 'layers.0.weight', width: 4 }, { weight: 'layers.1.weight' }] },
};
let service: TestService;
/** A job that succeeded; each test damages a copy of it. */
let original: string;

beforeAll(async () => {
  service = await startService(subfolder(root), { env: { STORE_URL: new URL(`file://${subfolder(root)}`).href } });
  await upload(service.http, 'a', await makeCheckpoint(subfolder(root), randomChain([300, 40, 30], 1)));
  original = (await runJob(service.http, spec)).id;
});
afterAll(() => service?.close());

const files = (id: string) => service.services.store.files(id);

/** A job like the one that ran, under an id of its own. */
async function copy(): Promise<string> {
  const id = newJobId();
  await cp(files(original).folder, files(id).folder, { recursive: true });
  const record = JSON.parse(await readFile(files(id).record, 'utf8'));
  await writeFile(files(id).record, JSON.stringify({ ...record, id }));
  return id;
}

const get = (at: string) => fetch(`${service.url}/v1/jobs/${at}`, { signal: AbortSignal.timeout(AT_ONCE_MS) });

async function expectDamaged(at: string, code: string, detail: string): Promise<void> {
  const reply = await get(at);
  expect([at, reply.status]).toEqual([at, 410]);
  expect(reply.headers.get('content-disposition')).toBeNull();
  expect(await reply.json()).toMatchObject({ code, detail: expect.stringContaining(detail) });
}

async function expectDeletable(id: string): Promise<void> {
  await service.http.delete(`/v1/jobs/${id}`).expect(204);
  await service.http.get(`/v1/jobs/${id}`).expect(404);
}

describe('a published file', () => {
  /** Where a file of the result is: in the store that STORE_URL names. */
  const stored = async (id: string, file: string) => {
    const { store, folder } = JSON.parse(await readFile(path.join(files(id).artifacts, '.stored.json'), 'utf8'));
    return path.join(new URL(store).pathname, folder, file);
  };
  /** A copy whose files are its own, in its folder. */
  const unstored = async () => {
    const id = await copy();
    for (const file of ['model.safetensors', 'job.json'])
      await cp(await stored(id, file), path.join(files(id).artifacts, file));
    await rm(path.join(files(id).artifacts, '.stored.json'));
    return id;
  };

  it.each(['the folder', 'the store'])(
    'in %s that is shorter or missing is refused before any header',
    async (where) => {
      const id = await (where === 'the store' ? copy() : unstored());
      const weights =
        where === 'the store'
          ? await stored(id, 'model.safetensors')
          : path.join(files(id).artifacts, 'model.safetensors');
      const bytes = await readFile(weights);
      const at = `${id}/artifacts/model.safetensors`;
      try {
        expect(Buffer.from(await (await get(at)).arrayBuffer()).equals(bytes)).toBe(true);
        await truncate(weights, bytes.length - 1);
        await expectDamaged(at, 'artifact_damaged', `has ${bytes.length - 1} bytes, ${bytes.length} were published`);
        for (const [method, range] of [
          ['HEAD', ''],
          ['GET', 'bytes=0-9'],
          ['GET', 'bytes=-5'],
        ]) {
          const reply = await fetch(`${service.url}/v1/jobs/${at}`, { method, headers: range ? { range } : {} });
          expect(reply.status).toBe(410);
        }
        await rm(weights);
        await expectDamaged(at, 'artifact_damaged', 'is missing');
        await mkdir(weights);
        await expectDamaged(at, 'artifact_damaged', 'is missing');
      } finally {
        await rm(weights, { recursive: true, force: true });
        await writeFile(weights, bytes); // the store's is the original's
      }
      await rm(files(id).artifacts, { recursive: true }); // nor may it go with this job
      await expectDeletable(id);
    },
  );

  it('that becomes shorter while it is sent ends the connection', async () => {
    const id = await unstored();
    const weights = path.join(files(id).artifacts, 'model.safetensors');
    const bytes = 64 * 1024 * 1024;
    await truncate(weights, bytes);
    const manifest = path.join(files(id).artifacts, '.manifest.json');
    const sound = JSON.parse(await readFile(manifest, 'utf8'));
    await writeFile(
      manifest,
      JSON.stringify({ ...sound, 'model.safetensors': { ...sound['model.safetensors'], size: bytes } }),
    );
    const reply = await get(`${id}/artifacts/model.safetensors`);
    expect(reply.status).toBe(200);
    await truncate(weights, bytes / 2);
    await expect(reply.arrayBuffer()).rejects.toMatchObject({ message: 'terminated' });
  });

  it.each([
    ['cut', (text: string) => text.slice(0, -10)],
    ['empty', () => ''],
    ['changed in one digit', (text: string) => text.replace(/\d/, (digit) => `${(Number(digit) + 1) % 10}`)],
  ])('metrics.json, %s, is not shown; nor is such a report', async (_, damage) => {
    const id = await unstored();
    for (const file of ['metrics.json', 'report.html']) {
      const at = path.join(files(id).artifacts, file);
      await writeFile(at, damage(await readFile(at, 'utf8')));
    }
    await expectDamaged(`${id}/metrics`, 'artifact_damaged', 'metrics.json');
    await expectDamaged(`${id}/metrics?format=csv`, 'artifact_damaged', 'metrics.json');
    await expectDamaged(`${id}/report`, 'artifact_damaged', 'report.html');
    await expectDeletable(id);
  });

  it.each(['', '{', 'null', '[]', '{"model.safetensors": {"size": "1"}}', undefined])(
    'of a list %j is damaged, and no basis of a new job',
    async (text) => {
      const id = await unstored();
      const manifest = path.join(files(id).artifacts, '.manifest.json');
      await (text === undefined ? rm(manifest) : writeFile(manifest, text));
      for (const what of ['artifacts', 'artifacts/model.safetensors', 'metrics', 'report'])
        await expectDamaged(`${id}/${what}`, 'artifact_damaged', 'list of');
      const { body } = await service.http
        .post('/v1/jobs/plan')
        .send({ ...spec, bases: { job: id } })
        .expect(422);
      expect(body.errors).toMatchObject([{ pointer: '/bases/job' }]);
      await expectDeletable(id);
    },
  );
});

describe('a job', () => {
  const cases = ['record', 'state', 'outcome'].flatMap((file) =>
    ['', '{"id":', 'null', '[]', '{}', 'folder', ...(file === 'outcome' ? [] : ['missing'])].map(
      (content) => [file, content] as const,
    ),
  );
  it.each(cases)('whose %s is %j says so wherever it is asked for, and can be deleted', async (name, content) => {
    const id = await copy();
    const file = files(id)[name as 'record'];
    await rm(file);
    if (content === 'folder') await mkdir(file);
    else if (content !== 'missing') await writeFile(file, content);
    for (const at of [id, `${id}/metrics`, `${id}/artifacts`, `${id}/deliveries`])
      await expectDamaged(at, 'job_damaged', `${name}.json`);
    for (const action of ['cancel', 'retry'])
      expect((await service.http.post(`/v1/jobs/${id}/${action}`).expect(410)).body.code).toBe('job_damaged');
    const { body } = await service.http.get('/v1/jobs').expect(200);
    expect(body.data.map((job: { id: string }) => job.id)).not.toContain(id);
    await rm(files(id).artifacts, { recursive: true });
    await expectDeletable(id);
  });

  it('with a damaged event or note of its store is shown without it, and can be deleted', async () => {
    const id = await copy();
    await writeFile(path.join(files(id).events, '2.json'), '{"id"');
    await writeFile(path.join(files(id).artifacts, '.stored.json'), '');
    await service.http.get(`/v1/jobs/${id}`).expect(200);
    await expectDamaged(`${id}/events`, 'job_damaged', '2.json');
    await expectDamaged(`${id}/artifacts/model.safetensors`, 'artifact_damaged', '.stored.json');
    await expectDeletable(id);
  });

  it('is deleted where the folder for deleted ones is missing', async () => {
    const id = await copy();
    await rm(path.join(service.dataDir, 'trash'), { recursive: true });
    await rm(files(id).artifacts, { recursive: true });
    await expectDeletable(id);
  });
});

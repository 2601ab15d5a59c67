import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import type { Response } from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobSpecInput } from '../../src/schemas/job-spec.js';
import { createS3Client } from '../../src/store/s3-client.js';
import { makeCheckpoint, randomChain } from '../support/checkpoint.js';
import { type S3Server, startS3 } from '../support/s3.js';
import { artifactPath, runJob, startService, type TestService, upload } from '../support/service.js';
import { subfolder, temporaryFolder } from '../support/temporary.js';

const root = temporaryFolder();
let s3: S3Server;
let service: TestService;
let model: Buffer;
const spec = (source: JobSpecInput['sources'][number]): JobSpecInput => ({
  sources: [source],
  model: { family: 'chain', layers: [{ weight: 'layers.0.weight', width: 20 }, { weight: 'layers.1.weight' }] },
});
const keys = async (folder: string) => {
  const found: string[] = [];
  for await (const key of service.services.store.artifacts?.list(folder) ?? []) found.push(key);
  return found;
};

beforeAll(async () => {
  s3 = await startS3(subfolder(root));
  const bucket = `s3://${s3.bucket}`;
  service = await startService(subfolder(root), {
    env: { ...s3.env, STORE_URL: `${bucket}/results`, S3_SOURCES: `${bucket}/models,${bucket}/more/` },
  });
  model = await readFile(await makeCheckpoint(subfolder(root), randomChain([300, 40, 300], 1)));
  await upload(service.http, 'a', model);
  const client = createS3Client({ S3_ENDPOINT: s3.env.S3_ENDPOINT, AWS_REGION: 'us-east-1' });
  for (const Key of ['models/a/model.safetensors', 'more/one.safetensors', 'secret/model.safetensors'])
    await client.send(new PutObjectCommand({ Bucket: s3.bucket, Key, Body: model }));
  client.destroy();
});
afterAll(async () => {
  await service?.close();
  await s3?.stop();
});

describe('results in an S3 store', () => {
  it('are downloaded as from the file system, and removed with the job', async () => {
    const job = await runJob(service.http, spec({ checkpoint: 'a' }), 100);
    expect(job.status).toBe('succeeded');
    expect((await readdir(path.dirname(artifactPath(service, job.id, 'x')))).sort()).not.toContain('model.safetensors');
    const base = `/v1/jobs/${job.id}/artifacts`;
    const { body: list } = await service.http.get(base).expect(200);
    expect((await keys(`jobs/${job.id}`)).length).toBe(list.data.length);
    for (const { file, sha256, size } of list.data) {
      const reply = await service.http.get(`${base}/${file}`).buffer(true).parse(binary).expect(200);
      expect(createHash('sha256').update(reply.body).digest('hex')).toBe(sha256);
      expect(reply.headers).toMatchObject({
        etag: `"${sha256}"`,
        'content-length': String(size),
        'accept-ranges': 'bytes',
      });
    }
    const { sha256, size } = list.data.find(({ file }: { file: string }) => file === 'model.safetensors');
    const whole = (await service.http.get(`${base}/model.safetensors`).buffer(true).parse(binary)).body as Buffer;
    const part = await service.http
      .get(`${base}/model.safetensors`)
      .set('range', 'bytes=100-299')
      .buffer(true)
      .parse(binary);
    expect([part.status, part.headers['content-range']]).toEqual([206, `bytes 100-299/${size}`]);
    expect(part.body.equals(whole.subarray(100, 300))).toBe(true);
    await service.http.head(`${base}/model.safetensors`).expect(200).expect('content-length', String(size));
    await service.http.get(`${base}/model.safetensors`).set('if-none-match', `"${sha256}"`).expect(304);
    await service.http.get(`/v1/jobs/${job.id}/metrics`).expect(200);
    await service.http.delete(`/v1/jobs/${job.id}`).expect(204);
    expect(await keys(`jobs/${job.id}`)).toEqual([]);
    // The worker's first job waits until it has started.
  });

  it('that are shorter than published, or gone, are refused before any header', async () => {
    const { id } = await runJob(service.http, spec({ checkpoint: 'a' }));
    const [key] = (await keys(`jobs/${id}`)).filter((name) => name.endsWith('/model.safetensors'));
    const client = createS3Client({ S3_ENDPOINT: s3.env.S3_ENDPOINT, AWS_REGION: 'us-east-1' });
    const object = { Bucket: s3.bucket, Key: `results/${key}` };
    const at = `/v1/jobs/${id}/artifacts/model.safetensors`;
    for (const [command, detail] of [
      [new PutObjectCommand({ ...object, Body: 'short' }), 'has 5 bytes'],
      [new DeleteObjectCommand(object), 'is missing'],
    ] as const) {
      await client.send(command as PutObjectCommand);
      const { body } = await service.http.get(at).set('range', 'bytes=0-9').expect(410);
      expect(body).toMatchObject({ code: 'artifact_damaged', detail: expect.stringContaining(detail) });
    }
    client.destroy();
    await service.http.delete(`/v1/jobs/${id}`).expect(204);
  });

  it('that cannot be reached are 503, and the job stays', async () => {
    const job = await runJob(service.http, spec({ checkpoint: 'a' }));
    const elsewhere = await startService(service.dataDir, { worker: false, env: { REDIS_URL: redisOf(service) } });
    try {
      for (const reply of [
        await elsewhere.http.get(`/v1/jobs/${job.id}/artifacts/model.safetensors`),
        await elsewhere.http.delete(`/v1/jobs/${job.id}`),
      ])
        expect([reply.status, reply.body.code]).toEqual([503, 'store_unavailable']);
    } finally {
      await elsewhere.close();
    }
    await service.http.get(`/v1/jobs/${job.id}/artifacts/model.safetensors`).expect(200);
  });
});

describe('an s3 source', () => {
  it.each(['models/a', 'models/a/', 'more/one.safetensors'])('%s is read', async (key) => {
    const job = await runJob(service.http, spec({ uri: `s3://${s3.bucket}/${key}` }));
    expect([job.status, job.error]).toEqual(['succeeded', null]);
    const { body } = await service.http.get(`/v1/jobs/${job.id}/artifacts/job.json`);
    expect(body.inputs[0]).toMatchObject({
      size: model.length,
      sha256: createHash('sha256').update(model).digest('hex'),
    });
  });

  it.each([
    ['secret/model.safetensors', 'source_not_allowed'],
    ['models/../secret', 'source_not_allowed'],
    ['modelsecret', 'source_not_allowed'],
    ['models/none', 'source_not_found'],
  ])('%s is not', async (key, code) => {
    const reply = await service.http.post('/v1/jobs/plan').send(spec({ uri: `s3://${s3.bucket}/${key}` }));
    expect([reply.status, reply.body.code]).toEqual([422, code]);
  });
});

const redisOf = ({ dataDir }: TestService) => `unix://${path.join(dataDir, 'redis', 'redis.sock')}`;

function binary(reply: Response, done: (error: Error | null, body: Buffer) => void): void {
  const response = reply as unknown as Readable;
  const chunks: Buffer[] = [];
  response.on('data', (chunk: Buffer) => chunks.push(chunk));
  response.on('end', () => done(null, Buffer.concat(chunks)));
}

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  createClient,
  dataOf,
  followEvents,
  type JobEvent,
  type JobSpecInput,
  RequestError,
} from '../../src/client/index.js';
import { makeCheckpoint, randomChain } from '../support/checkpoint.js';
import { startService, type TestService } from '../support/service.js';
import { subfolder, temporaryFolder } from '../support/temporary.js';

const root = temporaryFolder();
let service: TestService;
let client: ReturnType<typeof createClient>;

const spec: JobSpecInput = {
  labels: { team: 'client' },
  sources: [{ checkpoint: 'a' }, { checkpoint: 'a' }],
  model: { family: 'chain', layers: [{ weight: 'layers.0.weight', width: 4 }, { weight: 'layers.1.weight' }] },
};

beforeAll(async () => {
  service = await startService(subfolder(root));
  client = createClient({ baseUrl: service.url });
  const content = await readFile(await makeCheckpoint(subfolder(root), randomChain([5, 4, 3], 1)));
  const { response } = await client.PUT('/v1/checkpoints/{name}/files/{file}', {
    params: { path: { name: 'a', file: 'model.safetensors' } },
    body: content,
    bodySerializer: (body) => body as Buffer,
    headers: { 'content-type': 'application/octet-stream' },
  });
  expect(response.status).toBe(201);
});
afterAll(() => service?.close());

/** The service behind a wire that breaks once so many bytes of a body came back over a connection. */
async function breakingWire(bytes: number): Promise<{ url: string; cuts: () => number; close: () => void }> {
  const { hostname, port } = new URL(service.url);
  const open = new Set<Socket>();
  let cuts = 0;
  const server = createServer((near) => {
    const far = connect(Number(port), hostname);
    let passed = 0;
    let head = true;
    for (const socket of [near, far]) socket.on('error', () => socket.destroy()).on('close', () => open.delete(socket));
    open.add(near).add(far);
    near.pipe(far);
    near.on('close', () => far.destroy());
    far.on('data', (data) => {
      let chunk = data;
      if (head) {
        const bodyAt = data.indexOf('\r\n\r\n') + 4;
        if (bytes > 0) near.write(data.subarray(0, bodyAt));
        chunk = data.subarray(bodyAt);
        head = false;
      }
      near.write(chunk.subarray(0, bytes - passed));
      passed += chunk.length;
      if (passed < bytes) return;
      cuts += 1;
      near.destroySoon();
    });
    far.on('end', () => near.end());
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const address = server.address() as { port: number };
  const close = () => {
    server.close();
    for (const socket of open) socket.destroy();
  };
  return { url: `http://127.0.0.1:${address.port}`, cuts: () => cuts, close };
}

it('submits a job, follows it to its end and fetches the result', async () => {
  const submitted = await dataOf(client.POST('/v1/jobs', { body: spec }));
  const events: JobEvent[] = [];
  for await (const event of followEvents(submitted.id, { baseUrl: service.url })) events.push(event);
  expect(events.map(({ id }) => id)).toEqual(events.map((_, i) => i + 1));
  expect(events.at(-1)?.type).toBe('job.succeeded');

  const path = { id: submitted.id };
  const { data: files } = await dataOf(client.GET('/v1/jobs/{id}/artifacts', { params: { path } }));
  const weights = files.find(({ file }) => file === 'model.safetensors');
  const bytes = await dataOf(
    client.GET('/v1/jobs/{id}/artifacts/{file}', {
      params: { path: { ...path, file: 'model.safetensors' } },
      parseAs: 'arrayBuffer',
    }),
  );
  const sha256 = createHash('sha256')
    .update(new Uint8Array(bytes as ArrayBuffer))
    .digest('hex');
  expect(sha256).toBe(weights?.sha256);

  const metrics = await dataOf(client.GET('/v1/jobs/{id}/metrics', { params: { path } }));
  expect(typeof metrics !== 'string' && metrics.kind === 'linear' && metrics.tensors.map(({ name }) => name)).toContain(
    'layers.0.weight',
  );
});

it('filters by label', async () => {
  const ours = await dataOf(client.GET('/v1/jobs', { params: { query: { labels: { 'label.team': 'client' } } } }));
  expect(ours.data).toHaveLength(1);
  const none = await dataOf(client.GET('/v1/jobs', { params: { query: { labels: { 'label.team': 'other' } } } }));
  expect(none.data).toEqual([]);
});

it('throws a refusal with its problem details', async () => {
  const refused = dataOf(client.POST('/v1/jobs', { body: { ...spec, sources: [{ checkpoint: 'none' }] } }));
  await expect(refused).rejects.toThrow(RequestError);
  await expect(refused).rejects.toMatchObject({ status: 422, problem: { code: 'checkpoint_not_found' } });
  const missing = followEvents('job_01KAQ3V5W8M0Z2T4R6Y8B0D2FH', { baseUrl: service.url }).next();
  await expect(missing).rejects.toMatchObject({ status: 404, problem: { code: 'job_not_found' } });
});

it('loses no event and repeats none where the connection breaks again and again', async () => {
  const { id } = await dataOf(client.POST('/v1/jobs', { body: spec }));
  const known: JobEvent[] = [];
  for await (const event of followEvents(id, { baseUrl: service.url })) known.push(event);
  // Each connection dies within its second event.
  const wire = await breakingWire(JSON.stringify(known[0]).length * 2);
  const seen: JobEvent[] = [];
  for await (const event of followEvents(id, { baseUrl: wire.url })) seen.push(event);
  wire.close();
  expect(seen).toEqual(known);
  expect(wire.cuts()).toBeGreaterThan(1);
});

it('gives up on a service that does not answer once its patience has ended', async () => {
  const wire = await breakingWire(0);
  const following = followEvents('job_01KAQ3V5W8M0Z2T4R6Y8B0D2FH', { baseUrl: wire.url, patienceMs: 100 }).next();
  await expect(following).rejects.toThrow('fetch failed');
  wire.close();
});

it('stops at once when told to', async () => {
  const stop = new AbortController();
  const { id } = await dataOf(client.POST('/v1/jobs', { body: { ...spec, compute: { backend: 'cuda' } } }));
  const wire = await breakingWire(Number.POSITIVE_INFINITY);
  const following = followEvents(id, { baseUrl: wire.url, signal: stop.signal });
  expect((await following.next()).value).toMatchObject({ type: 'job.queued' });
  const next = following.next();
  stop.abort(new Error('enough'));
  await expect(next).rejects.toThrow('enough');
  wire.close();
  await service.http.post(`/v1/jobs/${id}/cancel`).expect(202);
});

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobSpecInput } from '../../src/schemas/job-spec.js';
import { makeCheckpoint, randomChain } from '../support/checkpoint.js';
import { artifactPath, runJob, startService, type TestService, upload, waitForEnd } from '../support/service.js';
import { contentsBelow, subfolder, temporaryFolder } from '../support/temporary.js';
import { FileServer } from './file-server.js';

const TOKEN = 'hf_averysecrettoken';
const COMMIT = 'c0ffee'.repeat(7).slice(0, 40);
const root = temporaryFolder();
const sha = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
let files: FileServer;
let storage: FileServer;
let service: TestService;
/** Two models of about 700 KB, much more than their headers. */
let [a, b]: Buffer[] = [];
let expected: string;

const spec = (...sources: JobSpecInput['sources']): JobSpecInput => ({
  sources,
  model: {
    family: 'chain',
    layers: [{ weight: 'layers.0.weight', width: 150 * sources.length }, { weight: 'layers.1.weight' }],
  },
});
const resultHash = async (id: string) => sha(await readFile(artifactPath(service, id, 'model.safetensors')));
const plan = (body: JobSpecInput) => service.http.post('/v1/jobs/plan').send(body);

beforeAll(async () => {
  [files, storage] = await Promise.all([new FileServer().start(), new FileServer().start()]);
  service = await startService(subfolder(root), {
    env: { ALLOW_PRIVATE_SOURCES: 'true', HF_ENDPOINT: files.url, HF_TOKEN: TOKEN },
  });
  const make = async (seed: number) =>
    readFile(await makeCheckpoint(subfolder(root), randomChain([400, 200, 400], seed)));
  [a, b] = await Promise.all([make(1), make(2)]);
  await upload(service.http, 'a', a);
  await upload(service.http, 'b', b);
  const job = await runJob(service.http, spec({ checkpoint: 'a' }, { checkpoint: 'b' }));
  expected = await resultHash(job.id);
});
afterAll(async () => {
  await service?.close();
  await Promise.all([files.stop(), storage.stop()]);
});

describe('an https source', () => {
  it('is planned from its header and merged to the same bytes as an upload', async () => {
    files.files.set('/one/model.safetensors', a);
    files.files.set('/two/weights.safetensors', b);
    const body = spec({ uri: `${files.url}/one` }, { uri: `${files.url}/two/weights.safetensors` });
    await plan(body).expect(200);
    expect(files.reach('/one/model.safetensors')).toBeLessThan(65_536);
    expect(files.reach('/two/weights.safetensors')).toBeLessThan(65_536);
    const job = await runJob(service.http, body);
    expect(job.status).toBe('succeeded');
    expect(await resultHash(job.id)).toBe(expected);
    const recipe = JSON.parse(await readFile(artifactPath(service, job.id, 'job.json'), 'utf8'));
    expect(recipe.inputs).toMatchObject([
      { source: 0, file: 'model.safetensors', size: a.length, sha256: sha(a), validator: expect.any(String) },
      { source: 1, file: 'weights.safetensors', size: b.length, sha256: sha(b) },
    ]);
  });

  it('is fetched once for all jobs', async () => {
    files.files.set('/once/model.safetensors', b);
    const body = spec({ checkpoint: 'a' }, { uri: `${files.url}/once/` });
    await runJob(service.http, body);
    const before = files.seen.length;
    const job = await runJob(service.http, { ...body, probe: { inputs: 'random', rows: 8 } });
    expect(job.status).toBe('succeeded');
    const again = files.seen.slice(before).filter(({ range }) => Number(range?.split('-')[1]) > 65_536);
    expect(again).toEqual([]);
  });

  it('may be sharded', async () => {
    const [first, second] = randomChain([400, 200, 400], 2);
    const shard = async (tensor: typeof first) => readFile(await makeCheckpoint(subfolder(root), [tensor]));
    files.files.set('/sharded/s1.safetensors', await shard(first));
    files.files.set('/sharded/s2.safetensors', await shard(second));
    const index = { weight_map: { 'layers.0.weight': 's1.safetensors', 'layers.1.weight': 's2.safetensors' } };
    files.files.set('/sharded/model.safetensors.index.json', Buffer.from(JSON.stringify(index)));
    const job = await runJob(service.http, spec({ checkpoint: 'a' }, { uri: `${files.url}/sharded` }));
    expect([job.status, await resultHash(job.id)]).toEqual(['succeeded', expected]);
    files.files.delete('/sharded/s2.safetensors');
    const refused = await plan(spec({ uri: `${files.url}/sharded` })).expect(422);
    expect(refused.body).toMatchObject({ code: 'shard_missing', errors: [{ pointer: '/sources/0/uri' }] });
  });

  it.each([
    ['a Git LFS pointer', 'version https://git-lfs.github.com/spec/v1\noid sha256:0\n', /a Git LFS pointer/],
    ['a pickle', 'PK\x03\x04\x00\x00\x08\x08', /pickle.*Convert it/],
    ['a GGUF file', 'GGUF\x03\x00\x00\x00', /GGUF/],
  ])('that is %s says so', async (_, content, words) => {
    files.files.set('/foreign/model.safetensors', Buffer.from(content, 'latin1'));
    const { body } = await plan(spec({ uri: `${files.url}/foreign` })).expect(422);
    expect(body).toMatchObject({ code: 'safetensors_invalid', errors: [{ pointer: '/sources/0/uri' }] });
    expect(body.detail).toMatch(words);
  });

  it('whose tokenizer is a page or a pointer, whose index contradicts its shards, or that has a pickle only', async () => {
    files.files.set('/mistaken/model.safetensors', a);
    files.files.set('/mistaken/tokenizer.json', Buffer.from('<!doctype html><p>Sign in'));
    const mistaken = await plan(spec({ uri: `${files.url}/mistaken` })).expect(422);
    expect(mistaken.body).toMatchObject({
      code: 'content_unexpected',
      detail: expect.stringMatching(/tokenizer.json/),
    });
    files.files.set('/other/s1.safetensors', a);
    const index = { weight_map: { 'layers.0.weight': 's1.safetensors' } };
    files.files.set('/other/model.safetensors.index.json', Buffer.from(JSON.stringify(index)));
    const mismatch = await plan(spec({ uri: `${files.url}/other` })).expect(422);
    expect(mismatch.body).toMatchObject({ code: 'index_mismatch', detail: expect.stringMatching(/layers.1.weight/) });
    files.files.set('/pickled/pytorch_model.bin', a);
    const pickled = await plan(spec({ uri: `${files.url}/pickled` })).expect(422);
    expect(pickled.body).toMatchObject({ code: 'pickle_refused', detail: expect.stringMatching(/pytorch_model.bin/) });
  });

  it('survives a connection that is cut again and again', async () => {
    files.files.set('/cut/model.safetensors', b);
    files.cutAfter = 100_000;
    const job = await runJob(service.http, spec({ checkpoint: 'a' }, { uri: `${files.url}/cut` }), 60);
    files.cutAfter = Number.POSITIVE_INFINITY;
    expect([job.status, await resultHash(job.id)]).toEqual(['succeeded', expected]);
    const starts = files.seen.filter(({ url }) => url === '/cut/model.safetensors').map(({ range }) => range);
    // It went on where it was cut: no two reads of weights began at the same byte.
    const reads = starts.map((range) => range?.split('-')[0]).filter((start) => start !== 'bytes=0');
    expect(reads.length).toBeGreaterThan(4);
    expect(new Set(reads).size).toBe(reads.length);
  });

  it('that changes between plan and run fails the job', async () => {
    files.files.set('/changing/model.safetensors', b);
    const idle = await startService(subfolder(root), { worker: false, env: { ALLOW_PRIVATE_SOURCES: 'true' } });
    try {
      const { body: job } = await idle.http
        .post('/v1/jobs')
        .send(spec({ uri: `${files.url}/changing` }))
        .expect(202);
      files.files.set('/changing/model.safetensors', a);
      idle.startWorker();
      const ended = await waitForEnd(idle.http, job.id);
      expect([ended.status, ended.error?.code]).toEqual(['failed', 'source_changed']);
    } finally {
      await idle.close();
    }
  });

  it.each([
    ['is not there', () => {}, 422, 'source_not_found'],
    [
      'has another status',
      () => {
        files.intercept = (_, response) => Boolean(response.writeHead(500).end());
      },
      502,
      'source_unavailable',
    ],
    [
      'is forbidden',
      () => {
        files.intercept = (_, response) => Boolean(response.writeHead(403).end());
      },
      422,
      'source_not_allowed',
    ],
    [
      'answers no ranges',
      () => {
        files.files.set('/refused/model.safetensors', a);
        files.ranges = false;
      },
      422,
      'source_unsuitable',
    ],
    [
      'answers another range than was asked',
      () => {
        files.files.set('/refused/model.safetensors', a);
        files.intercept = (request, response) => {
          if (request.headers.range === 'bytes=0-0' || !request.url?.endsWith('/model.safetensors')) return false;
          return Boolean(
            response
              .writeHead(206, {
                etag: `"${createHash('md5').update(a).digest('hex')}"`,
                'content-range': `bytes 5-8/${a.length}`,
              })
              .end('????'),
          );
        };
      },
      502,
      'source_unavailable',
    ],
    [
      'is no safetensors file',
      () => {
        files.files.set('/refused/model.safetensors', Buffer.from('<html>not found</html>'));
      },
      422,
      'safetensors_invalid',
    ],
  ])('that %s is refused', async (_, arrange, status, code) => {
    files.files.delete('/refused/model.safetensors');
    arrange();
    const reply = await plan(spec({ uri: `${files.url}/refused` }));
    files.intercept = () => false;
    files.ranges = true;
    expect([reply.status, reply.body.code]).toEqual([status, code]);
  });

  it('holds no credentials, and they are not repeated', async () => {
    for (const uri of [
      'https://user:secretword@example.com/model',
      'https://secretword@example.com/model',
      'https://example.com/model.safetensors?X-Amz-Signature=secretword',
      'https://example.com/model#secretword',
      's3://key:secretword@bucket/x',
    ]) {
      const reply = await service.http.post('/v1/jobs').send(spec({ uri })).expect(400);
      expect(reply.text).not.toContain('secretword');
    }
  });

  it('at a private address is refused unless that is allowed', async () => {
    const guarded = await startService(subfolder(root), { worker: false });
    try {
      const before = files.seen.length;
      for (const uri of [
        `${files.url}/one`,
        'https://169.254.169.254/latest',
        'https://localhost:1/x',
        'https://[::1]/x',
      ]) {
        const reply = await guarded.http.post('/v1/jobs/plan').send(spec({ uri }));
        expect([uri, reply.status, reply.body.code]).toEqual([uri, 422, 'source_not_allowed']);
      }
      expect(files.seen.length).toBe(before);
    } finally {
      await guarded.close();
    }
  });
});

describe('an hf source', () => {
  const answerAsHub = (revision: string, content: Buffer, linked = sha(content)) => {
    storage.files.set('/blob', content);
    files.intercept = (request, response, at) => {
      if (request.headers.authorization !== `Bearer ${TOKEN}`) return Boolean(response.writeHead(401).end());
      if (
        ![`/org/name/resolve/${revision}/model.safetensors`, `/org/name/resolve/${COMMIT}/model.safetensors`].includes(
          at,
        )
      )
        return Boolean(response.writeHead(404).end());
      const headers = { location: `${storage.url}/blob`, 'x-linked-etag': `"${linked}"`, 'x-repo-commit': COMMIT };
      return Boolean(response.writeHead(302, headers).end());
    };
  };

  it('is read at one commit, with a token that goes to the hub alone and is written nowhere', async () => {
    answerAsHub('main', b);
    const job = await runJob(service.http, spec({ checkpoint: 'a' }, { uri: 'hf://org/name' }));
    expect([job.status, await resultHash(job.id)]).toEqual(['succeeded', expected]);
    const recipe = JSON.parse(await readFile(artifactPath(service, job.id, 'job.json'), 'utf8'));
    expect(recipe.inputs[1]).toMatchObject({ sha256: sha(b), revision: COMMIT });
    expect(storage.seen.length).toBeGreaterThan(0);
    expect(storage.seen.filter(({ authorization }) => authorization !== undefined)).toEqual([]);
    const written = await contentsBelow(service.dataDir);
    expect(written.some((text) => text.includes(COMMIT))).toBe(true);
    expect(written.filter((text) => text.includes(TOKEN))).toEqual([]);
  });

  it('that was renamed is known by what the hub states after its own redirects', async () => {
    answerAsHub('main', b);
    const renamed = files.intercept;
    files.intercept = (request, response, at) => {
      if (!at.startsWith('/org/old/')) return renamed(request, response, at);
      // The redirect's own ETag changes with each answer and says nothing of the file.
      const headers = { location: at.replace('/old/', '/name/'), etag: `"${files.seen.length}"` };
      return Boolean(response.writeHead(307, headers).end());
    };
    const job = await runJob(service.http, spec({ checkpoint: 'a' }, { uri: 'hf://org/old' }));
    expect([job.status, await resultHash(job.id)]).toEqual(['succeeded', expected]);
    const recipe = JSON.parse(await readFile(artifactPath(service, job.id, 'job.json'), 'utf8'));
    expect(recipe.inputs[1]).toMatchObject({ sha256: sha(b), revision: COMMIT, validator: `"${sha(b)}"` });
  });

  it('is known by the ETag beside the commit where the hub states no other, not by that of its storage', async () => {
    storage.files.set('/blob', b);
    files.intercept = (_request, response, at) => {
      if (!at.endsWith('/model.safetensors')) return Boolean(response.writeHead(404).end());
      const headers = { location: `${storage.url}/blob`, etag: `"${sha(b)}"`, 'x-repo-commit': COMMIT };
      return Boolean(response.writeHead(302, headers).end());
    };
    const job = await runJob(service.http, spec({ checkpoint: 'a' }, { uri: 'hf://org/name' }));
    const recipe = JSON.parse(await readFile(artifactPath(service, job.id, 'job.json'), 'utf8'));
    expect(recipe.inputs[1]).toMatchObject({ sha256: sha(b), revision: COMMIT, validator: `"${sha(b)}"` });
  });

  it('whose size is not what the hub states is refused before it is fetched', async () => {
    storage.files.set('/blob', b);
    files.intercept = (_request, response, at) => {
      if (!at.endsWith('/model.safetensors')) return Boolean(response.writeHead(404).end());
      const headers = { location: `${storage.url}/blob`, 'x-linked-size': `${b.length + 1}`, 'x-repo-commit': COMMIT };
      return Boolean(response.writeHead(302, headers).end());
    };
    const reply = await plan(spec({ uri: 'hf://org/name' }));
    expect([reply.status, reply.body.code]).toEqual([422, 'source_unsuitable']);
    expect(reply.body.detail).toContain(`${b.length + 1} bytes`);
  });

  it('takes a revision', async () => {
    answerAsHub('v1.0', b);
    await plan(spec({ uri: 'hf://org/name@v1.0' })).expect(200);
    answerAsHub('other', b);
    const missing = await plan(spec({ uri: 'hf://org/name@v2' }));
    expect([missing.status, missing.body.code]).toEqual([422, 'source_not_found']);
  });

  it('whose bytes are not what the hub states is refused', async () => {
    const wrong = Buffer.from(b);
    wrong[wrong.length - 1] ^= 1;
    answerAsHub('main', wrong, sha(Buffer.from('something else')));
    const job = await runJob(service.http, spec({ uri: 'hf://org/name' }));
    expect([job.status, job.error?.code]).toEqual(['failed', 'source_unsuitable']);
    files.intercept = () => false;
  });

  it.each(['hf://name', 'hf://org/name/extra', 'hf://../name', 'hf://org/name@'])('%s is none', async (uri) => {
    const reply = await plan(spec({ uri }));
    expect([reply.status, reply.body.code]).toEqual([422, 'source_not_allowed']);
  });
});

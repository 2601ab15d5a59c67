import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import supertest from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config.js';
import { makeCheckpoint, randomChain } from '../support/checkpoint.js';
import { freePort, type RedisServer, startRedis } from '../support/redis.js';
import { runJob, stopProgram, upload } from '../support/service.js';
import { subfolder, temporaryFolder } from '../support/temporary.js';

const root = temporaryFolder();
/** In every secret, and nowhere else. */
const MARKER = 'MaRkEr';
/** With what JSON, URLs and shells write in other ways. */
const PASSWORD = `pa"ss/${MARKER}@1%`;

let redis: RedisServer;
let secrets: Record<string, string>;
let key: string;

beforeAll(async () => {
  redis = await startRedis(subfolder(root), { requirepass: PASSWORD });
  key = `wf_${MARKER}${'k'.repeat(40)}`;
  const closed = await freePort();
  secrets = {
    REDIS_URL: `redis://:${encodeURIComponent(PASSWORD)}@127.0.0.1:${redis.port}`,
    API_KEYS: `ops:admin:${key}`,
    WEBHOOK_SECRET: `whsec_${Buffer.from(`${MARKER}${'s'.repeat(30)}`).toString('base64')}`,
    HF_TOKEN: `${MARKER}-hub-token`,
    HF_ENDPOINT: `http://127.0.0.1:${closed}`,
    AWS_ACCESS_KEY_ID: `AKIA${MARKER}`,
    AWS_SECRET_ACCESS_KEY: `${MARKER}/aws+secret`,
    AWS_SESSION_TOKEN: `${MARKER}-session`,
    S3_ENDPOINT: `http://127.0.0.1:${closed}`,
    S3_SOURCES: 's3://bucket/models',
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://otel:${MARKER}-otel@127.0.0.1:${closed}`,
    OTEL_EXPORTER_OTLP_HEADERS: `authorization=Basic%20${MARKER}-header,x-api-key=${MARKER}-other`,
  };
});
afterAll(() => redis?.stop());

/** The signing secret is Base64, so that it is looked for by itself. */
const found = (text: string) =>
  [MARKER, secrets.WEBHOOK_SECRET.slice('whsec_'.length)].filter((secret) => text.includes(secret));

interface Program {
  child: ChildProcess;
  said: () => string;
}

function launch(program: string, env: Record<string, string>): Program {
  const child = spawn(process.execPath, [`dist/${program}`], {
    env: { ...process.env, LOG_LEVEL: 'trace', COMPUTE_THREADS: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
  return { child, said: () => text };
}

async function textOfFiles(folder: string): Promise<string> {
  const names = await readdir(folder, { recursive: true });
  const texts = names
    .filter((name) => !name.startsWith('redis'))
    .map(async (name) =>
      (await stat(path.join(folder, name))).isFile() ? readFile(path.join(folder, name), 'latin1') : '',
    );
  return (await Promise.all(texts)).join('\n');
}

describe('no secret of a setting is shown', () => {
  it('by a service whose requests, jobs, Redis, hub, S3 and trace receiver fail', async () => {
    const port = await freePort();
    const metrics = await freePort();
    const env = {
      ...secrets,
      DATA_DIR: subfolder(root),
      PORT: `${port}`,
      SHUTDOWN_SECONDS: '1',
      ALLOW_PRIVATE_WEBHOOKS: 'true',
    };
    const api = launch('src/start-api.js', env);
    const worker = launch('workers/worker.js', { ...env, METRICS_PORT: `${metrics}`, API_KEYS: '' });
    const http = supertest.agent(`http://127.0.0.1:${port}`).set('authorization', `Bearer ${key}`);
    const replies: string[] = [];
    const ask = async (request: supertest.Test) => {
      const reply = await request;
      replies.push(JSON.stringify(reply.headers) + (reply.text ?? ''));
      return reply;
    };
    try {
      const ready = async () => (await http.get('/readyz').catch(() => undefined))?.body.workers === 1;
      for (let i = 0; i < 600 && !(await ready()); i++) await sleep(100);
      await upload(http as never, 'a', await makeCheckpoint(subfolder(root), randomChain([5, 4, 3], 1)));
      const model = {
        family: 'chain',
        layers: [{ weight: 'layers.0.weight', width: 3 }, { weight: 'layers.1.weight' }],
      };
      const spec = (source: object) => ({ sources: [source], model }) as never;
      const webhook = { url: `http://127.0.0.1:${await freePort()}/hook` };
      const job = await runJob(http as never, { ...(spec({ checkpoint: 'a' }) as object), webhook } as never);
      expect(job.status).toBe('succeeded');
      for (const uri of ['hf://org/name', 's3://bucket/models/a', `file://u:${MARKER}@h/x`, `https://u:${MARKER}@h/x`])
        await ask(http.post('/v1/jobs/plan').send(spec({ uri })));
      const base = `/v1/jobs/${job.id}`;
      for (const at of [
        base,
        `${base}/events`,
        `${base}/metrics`,
        `${base}/report`,
        `${base}/deliveries`,
        '/v1/workers',
      ])
        await ask(http.get(at));
      for (const at of ['/metrics', '/readyz', '/', '/openapi.json', '/v1/jobs?token=x', '/nowhere'])
        await ask(http.get(at));
      replies.push(await (await fetch(`http://127.0.0.1:${metrics}/metrics`)).text());
      await ask(http.get('/v1/jobs').set('authorization', `Bearer ${key}x`));
      await ask(http.get(`/v1/jobs?after=${key}`));
      // Redis no longer knows the password, then is gone: every command and every new connection fails.
      await redis.client.config('SET', 'requirepass', 'another');
      await redis.client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      await ask(http.post('/v1/jobs').send(spec({ checkpoint: 'a' })));
      await ask(http.get('/readyz'));
      await ask(http.get('/v1/workers'));
      await sleep(1_000);
    } finally {
      await Promise.all([stopProgram(api.child), stopProgram(worker.child)]);
      await redis.client.config('SET', 'requirepass', PASSWORD);
    }
    expect(api.said()).toContain('WRONGPASS');
    for (const text of [api.said(), worker.said(), ...replies, await textOfFiles(env.DATA_DIR)])
      expect(found(text)).toEqual([]);
  });

  it.each([
    ['REDIS_URL', `redis://:${MARKER}/x@127.0.0.1:port`],
    ['API_KEYS', `ops:${MARKER}:${MARKER}`],
    ['WEBHOOK_SECRET', `whsec_${MARKER}`],
    ['S3_ENDPOINT', `https://u:p/${MARKER}@h`],
    ['HF_ENDPOINT', `https://${MARKER}@h`],
    ['STORE_URL', `s3://key:${MARKER}@bucket/x`],
    ['S3_SOURCES', `https://key:${MARKER}@bucket/x`],
    ['CORS_ORIGINS', `https://key:${MARKER}@lab`],
  ])('by a wrong %s', (name, value) => {
    expect(() => loadConfig({ [name]: value })).toThrow(`${name}=…`);
    expect(() => loadConfig({ [name]: value })).not.toThrow(MARKER);
  });

  it.each(['src/start-api.js', 'workers/worker.js'])('by %s where it does not start', async (program) => {
    const wrong: Record<string, string>[] = [
      { REDIS_URL: `redis://:${MARKER}wrong@127.0.0.1:${redis.port}` },
      { OTEL_EXPORTER_OTLP_ENDPOINT: `http://u:${MARKER}otlp@[h` },
    ];
    const starts = wrong.map(async (settings) => {
      const { child, said } = launch(program, { ...secrets, DATA_DIR: subfolder(root), PORT: '0', ...settings });
      await once(child, 'exit');
      expect([said() !== '', found(said())]).toEqual([true, []]);
    });
    await Promise.all(starts);
  });
});

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import autocannon from 'autocannon';
import { encodeFloats } from '../src/safetensors/dtype.js';
import { SafetensorsWriter } from '../src/safetensors/writer.js';
import type { Job } from '../src/schemas/job.js';
import { jobLayout } from '../src/store/layout.js';
import { median } from './jobs.js';

const program = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const CONNECTIONS = 16;
/** Each round measures both programs, one after the other, so that a slow minute slows both. */
const ROUNDS = 15;
const SECONDS = 2;
const WARM_UP_SECONDS = 2;
/** Jobs that are polled in turns. */
const POLLED = 50;

const WIDTHS = [8, 6, 4];
const SPEC = {
  sources: [{ checkpoint: 'a' }, { checkpoint: 'b' }],
  model: { family: 'chain', layers: [{ weight: 'layers.0.weight', width: 8 }, { weight: 'layers.1.weight' }] },
};

interface Figures {
  perSecond: number;
  p99: number;
}
type Kind = 'POST /v1/jobs' | 'GET /v1/jobs/{id}';

/** Throughput and p99 of the service beside bare Fastify and BullMQ doing the same queue and record operations. */
export async function api(folder: string, say: (line?: string) => void): Promise<void> {
  const [ours, bare] = await startBoth(folder);
  try {
    const kinds: Kind[] = ['POST /v1/jobs', 'GET /v1/jobs/{id}'];
    say(`## API (${CONNECTIONS} connections; medians of ${ROUNDS} rounds of ${SECONDS} s each)`);
    say();
    say('| | weightfold | bare Fastify + BullMQ | throughput, ratio | p99 |');
    say('|---|---|---|---|---|');
    for (const kind of kinds) {
      const rounds: { ours: Figures; bare: Figures }[] = [];
      for (const at of [ours, bare]) await measure(at, kind, WARM_UP_SECONDS);
      for (let round = 0; round < ROUNDS; round++)
        rounds.push({ ours: await measure(ours, kind, SECONDS), bare: await measure(bare, kind, SECONDS) });
      const of = (whose: 'ours' | 'bare', figure: keyof Figures) => median(rounds.map((round) => round[whose][figure]));
      const ratio = median(rounds.map((round) => round.ours.perSecond / round.bare.perSecond));
      say(
        `| ${kind} | ${of('ours', 'perSecond').toFixed(0)}/s | ${of('bare', 'perSecond').toFixed(0)}/s | ${ratio.toFixed(2)} (bound 0.6) | ${of('ours', 'p99')} and ${of('bare', 'p99')} ms |`,
      );
    }
    say();
  } finally {
    await Promise.all([ours, bare].map(({ stop }) => stop()));
  }
}

interface Running {
  url: string;
  ids: string[];
  stop: () => Promise<void>;
}

/** The service as it is started in production, and the bare one with a record and a reply of the service's. */
async function startBoth(folder: string): Promise<[Running, Running]> {
  const ours = await start('../src/start-api.js', [], path.join(folder, 'ours'));
  for (const [i, name] of ['a', 'b'].entries()) {
    const file = path.join(folder, `${name}.safetensors`);
    await writeChain(file, i);
    const target = `${ours.url}/v1/checkpoints/${name}/files/model.safetensors`;
    const reply = await fetch(target, { method: 'PUT', body: await readFile(file) });
    if (reply.status !== 201) throw new Error(`The upload was refused: ${await reply.text()}`);
  }
  ours.ids.push(...(await submit(ours.url)));
  const job = (await (await fetch(`${ours.url}/v1/jobs/${ours.ids[0]}`)).json()) as Job;
  const files = jobLayout(path.join(folder, 'ours'), job.id);
  const read = async (file: string) => JSON.parse(await readFile(file, 'utf8'));
  const [record, plan] = await Promise.all([read(files.record), read(files.plan)]);
  const template = path.join(folder, 'template.json');
  await writeFile(template, JSON.stringify({ record, plan, job }));
  const bare = await start('bare-api.js', [template], path.join(folder, 'bare'));
  bare.ids.push(...(await submit(bare.url)));
  return [ours, bare];
}

async function start(name: string, args: string[], dataDir: string): Promise<Running> {
  await mkdir(dataDir, { recursive: true });
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as { port: number };
  probe.close();
  // Logs are written, as in production, but kept by nobody.
  const child = spawn(process.execPath, [program(name), ...args], {
    env: { ...process.env, PORT: `${port}`, DATA_DIR: dataDir },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const url = `http://127.0.0.1:${port}`;
  while ((await fetch(`${url}/readyz`).catch(() => undefined))?.status !== 200) {
    if (child.exitCode !== null) throw new Error(`${name} ended at once.`);
    await sleep(50);
  }
  const stop = async () => {
    const gone = once(child, 'exit');
    child.kill('SIGTERM');
    await gone;
  };
  return { url, ids: [], stop };
}

async function submit(url: string): Promise<string[]> {
  const ids: string[] = [];
  for (let i = 0; i < POLLED; i++) {
    const headers = { 'content-type': 'application/json' };
    const reply = await fetch(`${url}/v1/jobs`, { method: 'POST', headers, body: JSON.stringify(SPEC) });
    if (reply.status !== 202) throw new Error(`The job was refused: ${await reply.text()}`);
    ids.push(((await reply.json()) as Job).id);
  }
  return ids;
}

async function measure({ url, ids }: Running, kind: Kind, duration: number): Promise<Figures> {
  const requests: autocannon.Request[] =
    kind === 'POST /v1/jobs'
      ? [
          {
            method: 'POST',
            path: '/v1/jobs',
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify(SPEC),
          },
        ]
      : ids.map((id) => ({ method: 'GET', path: `/v1/jobs/${id}` }));
  const result = await autocannon({ url, connections: CONNECTIONS, duration, requests });
  if (result.non2xx > 0 || result.errors > 0)
    throw new Error(`${kind}: ${result.non2xx} refused, ${result.errors} errors.`);
  return { perSecond: result['2xx'] / result.duration, p99: result.latency.p99 };
}

async function writeChain(file: string, seed: number): Promise<void> {
  const shapes = [
    [WIDTHS[1], WIDTHS[0]],
    [WIDTHS[2], WIDTHS[1]],
  ];
  const specs = shapes.map((shape, l) => ({ name: `layers.${l}.weight`, dtype: 'F32' as const, shape }));
  const writer = await SafetensorsWriter.create(file, specs);
  for (const [rows, columns] of shapes) {
    const values = Float32Array.from({ length: rows * columns }, (_, i) => Math.sin(i + seed));
    await writer.write(encodeFloats(values, 'F32'));
  }
  await writer.finish();
}

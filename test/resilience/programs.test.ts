import { type ChildProcess, execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import supertest from 'supertest';
import { afterEach, describe, expect, it } from 'vitest';
import { family } from '../../faults/processes.js';
import type { JobSpecInput } from '../../src/schemas/job-spec.js';
import { makeCheckpoint, randomChain } from '../support/checkpoint.js';
import { eventually, PATIENCE_MS } from '../support/patience.js';
import { type Http, runJob, startProgram, stopProgram, upload, waitForEnd, waitUntil } from '../support/service.js';
import { subfolder, temporaryFolder } from '../support/temporary.js';

const root = temporaryFolder();
const programs: ChildProcess[] = [];
afterEach(async () => {
  for (const child of programs.splice(0).reverse()) await stopProgram(child);
});

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function environment() {
  const port = await freePort();
  const env = { DATA_DIR: subfolder(root), PORT: `${port}`, LOG_LEVEL: 'silent', SHUTDOWN_SECONDS: '10' };
  return { env, http: supertest(`http://127.0.0.1:${port}`) };
}

function launch(...args: Parameters<typeof startProgram>): ChildProcess {
  const child = startProgram(...args);
  programs.push(child);
  return child;
}

async function untilReady(http: Http, workers: number): Promise<void> {
  await eventually(async () => {
    const reply = await http.get('/readyz').catch(() => undefined);
    return reply?.status === 200 && reply.body.workers >= workers;
  });
}

const spec: JobSpecInput = {
  sources: [{ checkpoint: 'a' }, { checkpoint: 'a' }],
  model: { family: 'chain', layers: [{ weight: 'layers.0.weight', width: 4 }, { weight: 'layers.1.weight' }] },
};
const source = async (widths: number[]) => makeCheckpoint(subfolder(root), randomChain(widths, 1));

/** Processes whose command line or environment is bound to this data folder. */
function processesOf(dataDir: string): string[] {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,stat=,args=']).toString().trim().split('\n');
  return lines.filter((line) => line.includes(dataDir) && !/^\s*\d+\s+Z/.test(line));
}

const descendants = (pid: number) => family(pid).slice(1);

const commandOf = (pid: number) => execFileSync('ps', ['-o', 'args=', '-p', `${pid}`]).toString();

const isAlive = (pid: number) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

describe('the built program', () => {
  it('runs API and worker, and leaves no process behind on SIGTERM', async () => {
    const { env, http } = await environment();
    const child = launch('src/start.js', env);
    await untilReady(http, 1);
    await upload(http, 'a', await source([5, 4, 3]));
    expect((await runJob(http, spec)).status).toBe('succeeded');
    const below = descendants(child.pid as number);
    expect(below.length).toBeGreaterThanOrEqual(3);
    expect(await stopProgram(child)).toBe(0);
    await expect.poll(() => below.filter(isAlive)).toEqual([]);
    await expect.poll(() => processesOf(env.DATA_DIR)).toEqual([]);
    expect(readdirSync(`${env.DATA_DIR}/redis`)).not.toContain('redis.sock');
  });

  it('goes on where it stopped: a job that waited, or was running, is done after the next start', async () => {
    const { env, http } = await environment();
    const first = launch('src/start.js', env);
    await untilReady(http, 1);
    await upload(http, 'a', await source([1000, 1000, 1000]));
    const long = { ...spec, model: { ...spec.model, inputs: 'shared' } } as JobSpecInput;
    const submit = async () => (await http.post('/v1/jobs').send(long).expect(202)).body.id as string;
    const ids = [await submit(), await submit()];
    await waitUntil(http, ids[0], ({ status }) => status === 'running');
    // Redis is left to the next start, which adopts it; a worker that nobody supervises must go.
    const workers = descendants(first.pid as number).filter((pid) => commandOf(pid).includes('worker.js'));
    expect(workers.length).toBe(1);
    await stopProgram(first, 'SIGKILL');
    launch('src/start.js', env);
    await untilReady(http, 1);
    for (const id of ids) expect((await waitForEnd(http, id)).status).toBe('succeeded');
    await expect.poll(() => workers.filter(isAlive)).toEqual([]);
  });

  it('API and worker run apart, whichever is first', async () => {
    const { env, http } = await environment();
    const worker = launch('workers/worker.js', env);
    await sleep(700);
    expect(worker.exitCode).toBeNull();
    launch('src/start-api.js', env);
    await untilReady(http, 1);
    await upload(http, 'a', await source([5, 4, 3]));
    expect((await runJob(http, spec)).status).toBe('succeeded');
    expect(await stopProgram(worker)).toBe(0);
  });

  it.each([
    ['PORT', 'http'],
    ['SOURCE_ROOTS', 'relative/folder'],
    ['REDIS_URL', 'http://x'],
    ['COMPUTE_THREADS', '0'],
    ['LOG_LEVEL', 'loud'],
  ])('refuses to start with a wrong %s', async (name, value) => {
    for (const program of ['src/start.js', 'src/start-api.js', 'workers/worker.js'] as const) {
      try {
        execFileSync(process.execPath, [`dist/${program}`], {
          env: { ...process.env, DATA_DIR: subfolder(root), [name]: value },
          stdio: 'pipe',
          timeout: PATIENCE_MS,
        });
        expect.unreachable(`${program} started`);
      } catch (error) {
        const { status, stderr } = error as { status: number; stderr: Buffer };
        expect(status).toBe(1);
        expect(stderr.toString()).toContain(`${name}=`);
      }
    }
  });
});

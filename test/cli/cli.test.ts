import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFile, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Artifact, Job, JobEvent } from '../../src/client/index.js';
import { makeCheckpoint, randomChain } from '../support/checkpoint.js';
import { startService, type TestService } from '../support/service.js';
import { subfolder, temporaryFolder } from '../support/temporary.js';

const PROGRAM = fileURLToPath(new URL('../../bin/weightfold.js', import.meta.url));
const root = temporaryFolder();
let service: TestService;
let checkpoint: string;

interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

/** Run the program as a shell would. */
function weightfold(
  args: string[],
  { env = {}, input = '' as string | Buffer } = {},
): Promise<Outcome> & { child: ChildProcess } {
  const child = spawn(PROGRAM, args, {
    env: { ...process.env, WEIGHTFOLD_URL: service.url, XDG_CACHE_HOME: root, ...env },
  });
  child.stdin.end(input);
  const outcome = Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return Object.assign(
    outcome.then(([stdout, stderr, [code]]) => ({ code: code as number, stdout, stderr })),
    { child },
  );
}

const chain = (width: number) => ({
  name: 'by hand',
  labels: { from: 'cli' },
  sources: [{ checkpoint: 'a' }, { checkpoint: 'a' }],
  model: { family: 'chain', layers: [{ weight: 'layers.0.weight', width }, { weight: 'layers.1.weight' }] },
});
async function specFile(content: string): Promise<string> {
  const file = path.join(subfolder(root), 'spec.json');
  await writeFile(file, content);
  return file;
}

beforeAll(async () => {
  service = await startService(subfolder(root));
  checkpoint = await makeCheckpoint(subfolder(root), randomChain([5, 4, 3], 1));
});
afterAll(() => service?.close());

it('uploads, plans, submits, shows progress, results and files, and deletes', async () => {
  const uploaded = await weightfold(['upload', 'a', checkpoint]);
  expect(uploaded).toMatchObject({ code: 0, stdout: expect.stringContaining('a/model.safetensors') });
  expect((await weightfold(['checkpoints'])).stdout).toMatch(/^a +1 /m);
  expect((await weightfold(['checkpoints', 'a'])).stdout).toMatch(/^layers\.0\.weight +F32 +4×5$/m);

  const spec = await specFile(JSON.stringify(chain(4)));
  const plan = await weightfold(['plan', spec]);
  expect(plan).toMatchObject({ code: 0, stderr: '' });
  expect(plan.stdout).toMatch(/^h0 +4 \+ 4 +4 +exact/m);
  expect(JSON.parse((await weightfold(['plan', spec, '--json'])).stdout).kind).toBe('linear');

  const submitted = await weightfold(['submit', '--watch', '--json', '-'], { input: JSON.stringify(chain(4)) });
  const job = JSON.parse(submitted.stdout) as Job;
  expect([submitted.code, job.status]).toEqual([0, 'succeeded']);
  expect(submitted.stderr).toContain(`${job.id} succeeded`); // lines, where there is no terminal to draw on

  const events = (await weightfold(['watch', job.id, '--json'])).stdout.trim().split('\n');
  expect(events.map((line) => (JSON.parse(line) as JobEvent).id)).toEqual(events.map((_, i) => i + 1));
  expect((await weightfold(['get', job.id])).stdout).toMatch(/^status +succeeded$/m);
  expect((await weightfold(['get', job.id, '--metrics'])).stdout).toMatch(/^layers\.0\.weight +4×10 +0\.\d+/m);
  expect((await weightfold(['ls', '--label', 'from=cli', '--status', 'succeeded'])).stdout).toContain(job.id);
  expect((await weightfold(['ls', '--label', 'from=nowhere'])).stdout).not.toContain(job.id);

  const deleted = await weightfold(['rm', job.id]);
  expect(deleted).toMatchObject({ code: 0, stdout: `${job.id} deleted\n` });
  expect((await weightfold(['get', job.id])).code).toBe(2);
});

it.each([
  ['UTF-8', (text: string) => Buffer.from(`\ufeff${text}`, 'utf8')],
  ['UTF-16, little endian', (text: string) => Buffer.from(`\ufeff${text}`, 'utf16le')],
  ['UTF-16, big endian', (text: string) => Buffer.from(`\ufeff${text}`, 'utf16le').swap16()],
])('reads a spec with a byte order mark (%s), from a file and from standard input', async (_, encode) => {
  const bytes = encode(JSON.stringify({ ...chain(4), name: 'größer' }));
  const file = path.join(subfolder(root), 'spec.json');
  await writeFile(file, bytes);
  for (const given of [file, '-']) {
    const { code, stderr } = await weightfold(['plan', given], { input: bytes });
    expect([code, stderr]).toEqual([0, '']);
  }
});

it('downloads files whole: goes on with what was begun, replaces what is damaged, keeps what is right', async () => {
  const { stdout } = await weightfold(['submit', '--wait', '--json', await specFile(JSON.stringify(chain(3)))]);
  const { id } = JSON.parse(stdout) as Job;
  const folder = subfolder(root);
  expect((await weightfold(['get', id, '--download', folder])).code).toBe(0);
  const listed = (await weightfold(['get', id, '--artifacts', '--json'])).stdout;
  const artifacts = (JSON.parse(listed) as { data: Artifact[] }).data;
  const expectWhole = async () => {
    for (const { file, sha256 } of artifacts)
      expect(
        createHash('sha256')
          .update(await readFile(path.join(folder, file)))
          .digest('hex'),
      ).toBe(sha256);
  };
  await expectWhole();

  const weights = path.join(folder, 'model.safetensors');
  await writeFile(`${weights}.part`, await readFile(weights));
  await truncate(`${weights}.part`, 100);
  await writeFile(weights, 'damaged');
  const again = await weightfold(['get', id, '--download', folder]);
  expect(again.code).toBe(0);
  expect(again.stderr).toMatch(/model\.safetensors .*SHA-256 verified/);
  expect(again.stderr).toMatch(/config\.json is there already/);
  await expectWhole();

  // A beginning that is not the file's: found by its hash, never taken for the file.
  await writeFile(`${weights}.part`, Buffer.alloc(100));
  await writeFile(weights, 'damaged');
  expect(await weightfold(['get', id, '--download', folder])).toMatchObject({
    code: 3,
    stderr: expect.stringContaining('SHA-256 differs'),
  });
});

describe('exit codes', () => {
  it('1: the job was cancelled', async () => {
    const waiting = await specFile(JSON.stringify({ ...chain(4), compute: { backend: 'cuda' } }));
    const id = (await weightfold(['submit', waiting])).stdout.trim();
    const watched = weightfold(['watch', id]);
    const left = weightfold(['watch', id]);
    await once(left.child.stderr as Readable, 'data'); // where it stands: from here on it follows
    left.child.kill('SIGINT');
    expect(await left).toMatchObject({ code: 130, stderr: expect.stringContaining(`weightfold cancel ${id}`) });
    expect((await weightfold(['cancel', id])).stdout).toBe(`${id} cancelled\n`);
    expect(await watched).toMatchObject({ code: 1, stdout: `${id} cancelled\n` });
    const again = await weightfold(['retry', id, '--json']);
    expect((JSON.parse(again.stdout) as Job).retry_of).toBe(id);
  });

  it('2: the spec cannot succeed, with the place in it', async () => {
    const refused = await weightfold(['submit', await specFile(JSON.stringify(chain(99)))]);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(/^weightfold: width_out_of_range \(422\): Width 99 is outside/);
    expect(refused.stderr).toContain('at /model/layers/0/width');
  });

  it.each([
    [['submit', '/nowhere.json'], /cannot be read/],
    [['ls', '--status', 'lost'], /Allowed choices/],
    [['upload', 'a', '/nowhere'], /is not a file/],
    [['ls', '--url', 'localhost:8080'], /must start with http/],
    [['get'], /missing required argument/],
  ])('2: %j', async (args, message) => {
    expect(await weightfold(args)).toMatchObject({ code: 2, stderr: expect.stringMatching(message) });
  });

  it('2: text that is not JSON', async () => {
    expect(await weightfold(['plan', '-'], { input: '{"sources": [' })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('is not JSON'),
    });
  });

  it('2: a file that is refused after its last byte', async () => {
    const file = path.join(subfolder(root), 'broken.safetensors');
    await writeFile(file, 'not a safetensors file');
    const refused = await weightfold(['upload', 'b', file]);
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('safetensors_invalid') });
  });

  it('3: nobody listens', async () => {
    const refused = await weightfold(['ls'], { env: { WEIGHTFOLD_URL: 'http://127.0.0.1:9' } });
    expect(refused).toMatchObject({ code: 3, stderr: expect.stringContaining('cannot be reached') });
  });
});

it('is in the package as npm packs it, with what it runs', async () => {
  const { stdout } = await promisify(execFile)('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    maxBuffer: 16 * 1024 * 1024,
  });
  const [{ files }] = JSON.parse(stdout) as { files: { path: string }[] }[];
  const paths = files.map((file) => file.path);
  for (const needed of [
    'bin/weightfold.js',
    'dist/src/cli/main.js',
    'dist/src/client/index.js',
    'dist/workers/worker.js',
  ])
    expect(paths).toContain(needed);
  expect(paths.filter((file) => /^(test|dist\/test|bench|data)\//.test(file))).toEqual([]);
});

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFile, truncate, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Artifact, Job, JobEvent } from '../../src/client/index.js';
import { makeCheckpoint, randomChain } from '../support/checkpoint.js';
import { rawFile } from '../support/raw-safetensors.js';
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

describe('what a terminal would obey', () => {
  const bad = '\u001b[2J\u009b31m\u202eevil\r\njob_forged succeeded\u2028';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be printed
  const OBEYED = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]|^job_forged/m;

  it('is refused in names and labels, and printed escaped', async () => {
    for (const spec of [
      { ...chain(4), name: bad },
      { ...chain(4), labels: { from: bad } },
    ]) {
      const refused = await weightfold(['submit', '-'], { input: JSON.stringify(spec) });
      expect(refused).toMatchObject({
        code: 2,
        stderr: expect.stringContaining('must not contain control characters'),
      });
    }
    // Whatever a service answers, and whatever a file holds: tensors are called what their file calls them.
    const file = path.join(subfolder(root), 'model.safetensors');
    await writeFile(file, rawFile(JSON.stringify({ [bad]: { dtype: 'F32', shape: [0], data_offsets: [0, 0] } })));
    expect(await weightfold(['upload', 'evil', file])).toMatchObject({ code: 0 });
    for (const args of [
      ['checkpoints', 'evil'],
      ['checkpoints', 'evil', '--json'],
      ['get', bad],
      ['plan', `/${bad}`],
    ]) {
      const { stdout, stderr } = await weightfold(args);
      expect(stdout + stderr).not.toMatch(OBEYED);
      if (args[0] === 'checkpoints') expect(stdout).toContain(String.raw`\u001b[2J\u009b31m\u202eevil`);
    }
  });

  it('of a service that lies is printed escaped, and its file names lead nowhere', async () => {
    const liar = createServer((request, reply) => {
      reply.setHeader('content-type', 'application/json');
      const artifact = { file: '../out', size: 0, sha256: '0'.repeat(64), content_type: bad, url: bad };
      if (request.url?.includes('artifacts')) return reply.end(JSON.stringify({ object: 'list', data: [artifact] }));
      reply.statusCode = 409;
      reply.end(JSON.stringify({ code: bad, detail: bad, request_id: bad, errors: [{ pointer: bad, message: bad }] }));
    }).listen(0, '127.0.0.1');
    await once(liar, 'listening');
    const env = { WEIGHTFOLD_URL: `http://127.0.0.1:${(liar.address() as AddressInfo).port}` };
    for (const args of [['ls'], ['cancel', 'x'], ['get', 'x', '--artifacts'], ['watch', 'x'], ['rm', bad]]) {
      const { stdout, stderr } = await weightfold(args, { env });
      expect(stdout + stderr).not.toMatch(OBEYED);
    }
    const folder = path.join(subfolder(root), 'in');
    const refused = await weightfold(['get', 'x', '--download', folder], { env });
    expect(refused.stderr).toContain('"../out" is no name of a file');
    liar.close();
  });

  it('a password in --url is neither used nor printed', async () => {
    const { code, stderr } = await weightfold(['ls', '--url', 'http://u:hunter22@127.0.0.1:9']);
    expect([code, stderr]).toEqual([2, expect.stringContaining('must not hold a user or password')]);
    expect(stderr).not.toContain('hunter22');
  });
});

it('ends quietly when whoever reads its output has gone', async () => {
  const waiting = await specFile(JSON.stringify({ ...chain(4), compute: { backend: 'cuda' } }));
  const id = (await weightfold(['submit', waiting])).stdout.trim();
  const keys = fileURLToPath(new URL('../../dist/src/tools/keys.js', import.meta.url));
  for (const command of [
    `${PROGRAM} --help`,
    `${PROGRAM} ls --json`,
    `${PROGRAM} watch --json ${id}`,
    `${PROGRAM} submit --watch ${waiting} 2>&1`,
    `node ${keys} --help`,
  ]) {
    // Its reader has gone before the first line.
    const script = `{ sleep 0.2; ${command}; echo "$?" >&3; } 3>&2 | true`;
    const { stderr } = await promisify(execFile)('bash', ['-c', script], {
      env: { ...process.env, WEIGHTFOLD_URL: service.url, DATA_DIR: subfolder(root) },
    });
    expect([command, stderr]).toEqual([command, '0\n']);
  }
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

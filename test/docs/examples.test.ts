import { execFile, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeCheckpoint, randomChain } from '../support/checkpoint.js';
import { startService, type TestService } from '../support/service.js';
import { subfolder, temporaryFolder } from '../support/temporary.js';

const run = promisify(execFile);
const DOCS = fileURLToPath(new URL('../../docs/', import.meta.url));
const root = temporaryFolder();
let service: TestService;
let folder: string;

/** The fenced blocks of one language in a page, in their order, as one program. */
async function programOf(page: string, language: string): Promise<string> {
  const text = await readFile(path.join(DOCS, page), 'utf8');
  const blocks = [...text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map(([, code]) => code);
  expect(blocks.length).toBeGreaterThan(0);
  return blocks.join('\n');
}

beforeAll(async () => {
  service = await startService(subfolder(root));
  folder = subfolder(root);
  await makeCheckpoint(folder, randomChain([5, 4, 3], 1), 'a.safetensors');
  await makeCheckpoint(folder, randomChain([5, 4, 3], 2), 'b.safetensors');
});
afterAll(() => service?.close());

const environment = () => ({
  cwd: folder,
  env: { ...process.env, WEIGHTFOLD_URL: service.url, WEIGHTFOLD_API_KEY: '' },
});
const has = (program: string) => spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0;

it.skipIf(!has('curl'))('the curl walk-through of docs/api.md does what it says', async () => {
  const script = `set -euo pipefail\n${await programOf('api.md', 'sh')}`;
  const { stdout } = await run('bash', ['-c', script], environment());
  expect(stdout).toContain('event: job.succeeded');
  expect(stdout).toContain('"code":"width_out_of_range"');
  expect(readFileSync(path.join(folder, 'report.html'), 'utf8')).toContain('walk-through');
  expect((await service.http.get('/v1/jobs')).body.data).toEqual([]);
  expect((await service.http.get('/v1/checkpoints/b')).status).toBe(404);
});

it.skipIf(!has('curl'))('the uploads of docs/uploads.md arrive, in one request and in pieces', async () => {
  const script = `set -euo pipefail\n${await programOf('uploads.md', 'sh')}`;
  const { stdout } = await run(
    'bash',
    ['-c', `${script}\ncurl -sSf -I "$UPLOAD" -H 'tus-resumable: 1.0.0'`],
    environment(),
  );
  const { size } = statSync(path.join(folder, 'a.safetensors'));
  expect(stdout).toMatch(new RegExp(`^upload-offset: ${size}\r$`, 'm'));
  expect((await service.http.get('/v1/checkpoints/a')).body.size).toBe(size);
});

it.skipIf(!has('python3'))('the Python program of docs/api.md merges and fetches every file', async () => {
  const { stdout } = await run('python3', ['-c', await programOf('api.md', 'python')], environment());
  expect(stdout).toMatch(/error of the whole map: \d/);
  expect(readdirSync(folder)).toEqual(expect.arrayContaining(['bases.safetensors', 'metrics.json', 'report.html']));
});

it('every link between the pages leads somewhere', async () => {
  const pages = [
    ...readdirSync(DOCS)
      .filter((name) => name.endsWith('.md'))
      .map((name) => path.join(DOCS, name)),
    path.join(DOCS, '../README.md'),
  ];
  for (const page of pages)
    for (const [, target] of readFileSync(page, 'utf8').matchAll(/\]\((?!https?:)([^)#\s]+)(?:#[^)]*)?\)/g))
      expect(readdirSync(path.dirname(path.resolve(path.dirname(page), target))), `${page}: ${target}`).toContain(
        path.basename(target),
      );
});

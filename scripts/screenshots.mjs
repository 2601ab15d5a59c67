// Pictures of every page of the dashboard, light and dark, wide and narrow, from a service with real jobs.
// usage: npm run screenshots [-- FOLDER [PAGE]]
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { QuickstartClient } from '../dist/src/quickstart/client.js';
import { layerName, notebookData, notebookModel, writeNotebookModel } from '../dist/src/quickstart/notebook-data.js';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const [folder = path.join(root, 'docs', 'images'), only] = process.argv.slice(2);
const SIZES = { 1280: { width: 1280, height: 800 }, 390: { width: 390, height: 844 } };
/** Plots and counters have settled. */
const SETTLE_MS = 700;
const READY_SECONDS = 60;
const POLL_MS = 300;

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  return port;
}

async function startService(dataDir) {
  const port = await freePort();
  const child = spawn(process.execPath, [path.join(root, 'dist', 'src', 'start.js')], {
    env: { ...process.env, DATA_DIR: dataDir, PORT: String(port), HOST: '127.0.0.1', LOG_LEVEL: 'error' },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const client = new QuickstartClient(`http://127.0.0.1:${port}`);
  const deadline = Date.now() + READY_SECONDS * 1000;
  while (!(await client.ready())) {
    if (Date.now() > deadline || child.exitCode !== null) throw new Error('The service did not start.');
    await sleep(POLL_MS);
  }
  return { client, stop: async () => child.kill('SIGTERM') && (await once(child, 'exit')) };
}

async function seed(client, work) {
  const { a, b } = notebookData();
  for (const [name, weights] of Object.entries({ 'mlp-a': a, 'mlp-b': b })) {
    const file = path.join(work, `${name}.safetensors`);
    await writeNotebookModel(file, weights);
    await client.upload(name, 'model.safetensors', file);
  }
  const fixtures = path.join(root, 'test', 'fixtures');
  for (const name of ['llama-a', 'llama-b'])
    for (const file of ['config.json', 'model.safetensors'])
      await client.upload(name, file, path.join(fixtures, name, file));
  await client.upload('tokens', 'tokens.safetensors', path.join(fixtures, 'tokens.safetensors'));

  const sources = [{ checkpoint: 'mlp-a' }, { checkpoint: 'mlp-b' }];
  const llamas = [{ checkpoint: 'llama-a' }, { checkpoint: 'llama-b' }];
  const bare = { family: 'chain', layers: [0, 1, 2].map((l) => ({ weight: layerName(l) })) };
  const text = (name, ids) => ({ name, checkpoint: 'tokens', file: 'tokens.safetensors', ids });
  const specs = {
    chain: { name: 'two networks to 768', labels: { team: 'vision', run: '12' }, sources, model: notebookModel() },
    balanced: {
      name: 'the same, balanced',
      labels: { team: 'vision' },
      sources,
      model: notebookModel(),
      method: { basis: 'balanced' },
    },
    comparison: { name: 'methods at three widths', sources, model: bare, compare: { widths: [0.5, 0.75, 0.9] } },
    failed: {
      name: 'to half precision',
      sources: await overflowing(client, work),
      model: { family: 'embedding', tensor: 'table', width: 3 },
      output: { dtype: 'float16' },
    },
    transformer: {
      name: 'English and code, to 192',
      labels: { team: 'language' },
      sources: llamas,
      model: { family: 'auto' },
      target: { hidden_size: 192, num_attention_heads: 8, intermediate_size: 704 },
      probe: [text('English', 'llama.eval.eng'), text('code', 'llama.eval.code')],
    },
    waiting: {
      name: 'on a GPU',
      sources,
      model: notebookModel(),
      compute: { backend: 'cuda' },
      labels: { team: 'vision' },
    },
  };
  const jobs = {};
  for (const [name, spec] of Object.entries(specs)) jobs[name] = (await client.submit(spec)).id;
  for (const [name, id] of Object.entries(jobs)) {
    if (name === 'waiting') continue;
    while (['queued', 'running'].includes((await client.job(id)).status)) await sleep(POLL_MS);
  }
  return jobs;
}

/** A table with values that float16 cannot hold: how a job that fails looks. */
async function overflowing(client, work) {
  const file = path.join(work, 'large.safetensors');
  const { SafetensorsWriter } = await import('../dist/src/safetensors/writer.js');
  const writer = await SafetensorsWriter.create(file, [{ name: 'table', dtype: 'F32', shape: [64, 4] }]);
  const values = Float32Array.from({ length: 256 }, (_, n) => Math.sin(n * n) * 1e6);
  await writer.write(new Uint8Array(values.buffer));
  await writer.finish();
  await client.upload('large', 'model.safetensors', file);
  return [{ checkpoint: 'large' }];
}

const executablePath = process.env.CHROMIUM ?? (await findChromium());
async function findChromium() {
  const { execFileSync } = await import('node:child_process');
  for (const name of ['chromium', 'chromium-browser', 'google-chrome'])
    try {
      return execFileSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).trim();
    } catch {
      // the next one
    }
  throw new Error('No Chromium here; CHROMIUM names one.');
}

const work = await mkdtemp(path.join(os.tmpdir(), 'wf-'));
await mkdir(folder, { recursive: true });
const service = await startService(path.join(work, 'data'));
const browser = await chromium.launch({ executablePath, args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] });
try {
  const take = async (name, route, prepare = async () => {}) => {
    if (only && name !== only) return;
    for (const colorScheme of ['light', 'dark'])
      for (const [label, viewport] of Object.entries(SIZES)) {
        const context = await browser.newContext({ viewport, colorScheme, reducedMotion: 'reduce' });
        const page = await context.newPage();
        await page.goto(`${service.client.url}/#${route}`);
        await page.locator('main h1, main h2').first().waitFor();
        await prepare(page);
        await sleep(SETTLE_MS);
        await page.screenshot({ path: path.join(folder, `${name}-${colorScheme}-${label}.png`), fullPage: true });
        await context.close();
      }
  };
  await take('first', '/jobs');
  const jobs = await seed(service.client, work);
  const form = '/new?source=mlp-a&source=mlp-b';
  await take('jobs', '/jobs');
  for (const [name, id] of Object.entries(jobs)) await take(`job-${name}`, `/jobs/${id}`);
  await take('new', form);
  await take('new-refused', form, async (page) => {
    await page.getByLabel('Width of layer 1, layers.0.weight', { exact: true }).fill('4000');
    await page.getByText('This cannot be run yet.').waitFor();
  });
  await take('new-json', form, (page) => page.getByRole('button', { name: 'JSON' }).click());
  await take('new-transformer', '/new?source=llama-a&source=llama-b');
  await take('checkpoints', '/checkpoints');
  await take('checkpoint', '/checkpoints/llama-a');
  await take('workers', '/workers');
  await take('errors', '/errors/width_out_of_range');
  if (!only) await picture(service.client.url, jobs.chain);
} finally {
  await browser.close();
  await service.stop();
  await rm(work, { recursive: true, force: true, maxRetries: 5 });
}

/** The pictures of the README: the job page as far as one screen shows it. */
async function picture(url, id) {
  for (const [colorScheme, name] of [
    ['light', 'dashboard.png'],
    ['dark', 'dashboard-dark.png'],
  ]) {
    const page = await (await browser.newContext({ viewport: SIZES[1280], colorScheme })).newPage();
    await page.goto(`${url}/#/jobs/${id}`);
    await page.locator('.plot svg').nth(1).waitFor();
    await sleep(SETTLE_MS);
    await page.screenshot({ path: path.join(folder, name) });
  }
}

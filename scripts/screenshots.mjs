// Pictures from a service with real jobs: into FOLDER those of every page of the dashboard and of the reports, light and
// dark, wide and narrow; without one those of the documentation. Fails when a browser complained.
// usage: npm run screenshots [-- FOLDER [PAGE]]
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { openCamera } from './screenshots/camera.mjs';
import { seed } from './screenshots/seed.mjs';
import { root, startService } from './service.mjs';

const [given, only] = process.argv.slice(2);
const folder = given ?? path.join(root, 'docs', 'images');
const WITH_REPORT = ['chain', 'embedding', 'transformer', 'calibrated', 'comparison'];
/** A key that nobody has: its service is asked for one. */
const KEYS = { API_KEYS: `screenshots:read:wf_${'0'.repeat(43)}` };

const work = await mkdtemp(path.join(os.tmpdir(), 'wf-'));
await mkdir(folder, { recursive: true });
const camera = await openCamera(folder);
const services = [];
const start = async (name, env) => {
  const service = await startService(path.join(work, name), env);
  services.push(service);
  return service.client;
};

const form = '/new?source=mlp-a&source=mlp-b';
const planned = (page) => page.getByText('Estimated time').waitFor();

/** The README's picture in both schemes, and those of docs/dashboard.md. */
async function picture() {
  const client = await start('data');
  const jobs = await seed(client, work, ['chain', 'comparison']);
  const drawn = (plots) => (page) => page.locator('.plot svg').nth(plots).waitFor();
  await camera.picture('dashboard', `${client.url}/#/jobs/${jobs.chain}`, drawn(1), ['light', 'dark']);
  await camera.picture('comparison', `${client.url}/#/jobs/${jobs.comparison}`, drawn(0));
  await camera.picture('form', `${client.url}/#${form}`, planned);
}

async function pictureAll() {
  const client = await start('data');
  const take = async (name, route, prepare = async () => {}) => {
    if (only && name !== only) return;
    await camera.take(name, `${client.url}/#${route}`, async (page) => {
      await page.locator('main h1, main h2').first().waitFor();
      await prepare(page);
      await page.waitForFunction(() => !document.querySelector('.skeleton'));
    });
  };
  await take('first', '/jobs');
  const jobs = await seed(client, work);
  await take('jobs', '/jobs');
  for (const [name, id] of Object.entries(jobs)) await take(`job-${name}`, `/jobs/${id}`);
  await take('new', form, planned);
  await take('new-refused', form, async (page) => {
    await page.getByLabel('Width of layer 1, layers.0.weight', { exact: true }).fill('4000');
    await page.getByText('This cannot be run yet.').waitFor();
  });
  await take('new-json', form, async (page) => {
    await page.getByRole('button', { name: 'JSON' }).click();
    await planned(page);
  });
  await take('new-comparison', form, async (page) => {
    await page.getByRole('button', { name: 'compare methods' }).click();
    await page.getByText('balanced').first().waitFor();
  });
  await take('new-transformer', '/new?source=llama-a&source=llama-b', planned);
  await take('checkpoints', '/checkpoints');
  await take('checkpoint', '/checkpoints/llama-a');
  await take('workers', '/workers');
  await take('errors', '/errors/width_out_of_range');
  for (const name of WITH_REPORT)
    if (!only || only === `report-${name}`)
      await camera.take(`report-${name}`, `${client.url}/v1/jobs/${jobs[name]}/report`);
  if (!only || only === 'key') {
    const { url } = await start('locked', KEYS);
    await camera.take('key', `${url}/#/jobs`, (page) => page.getByRole('dialog').waitFor());
  }
}

try {
  await (given ? pictureAll() : picture());
} finally {
  await camera.close();
  for (const { stop } of services) await stop();
  await rm(work, { recursive: true, force: true, maxRetries: 5 });
}

// What is refused on purpose is an answer with its status, which browsers report too.
const complaints = [...camera.complaints].filter((text) => !/^(new-refused: .*422|key: .*401)/.test(text));
for (const complaint of complaints) console.error(complaint);
if (complaints.length > 0) process.exitCode = 1;

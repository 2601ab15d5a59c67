import { readFile } from 'node:fs/promises';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KeyStore } from '../../src/access/key-store.js';
import { findings, WIDE } from '../support/axe.js';
import { findChromium, launchChromium } from '../support/browser.js';
import { makeCheckpoint, randomChain } from '../support/checkpoint.js';
import { runJob, startService, type TestService, upload } from '../support/service.js';
import { subfolder, temporaryFolder } from '../support/temporary.js';

const executable = findChromium();
if (!executable) console.warn('skipped: no Chromium on this machine (npm run setup -- --tests installs one)');

const root = temporaryFolder();
const FIXTURES = new URL('../fixtures/', import.meta.url).pathname;

describe.skipIf(!executable)('the dashboard in Chromium', () => {
  let service: TestService;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  /** What the browser's console would show in red. */
  const complaints: string[] = [];

  beforeAll(async () => {
    service = await startService(subfolder(root));
    browser = await launchChromium(executable as string);
    context = await browser.newContext({ viewport: WIDE, acceptDownloads: true, reducedMotion: 'reduce' });
    // A guard against hanging, as the tests' own limit: a busy machine is no failure.
    context.setDefaultTimeout(240_000);
    page = await context.newPage();
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
  });
  afterAll(async () => {
    await browser?.close();
    await service?.close();
  });

  const open = async (route: string) => {
    await page.goto(`${service.url}/#${route}`);
    await page.locator('main h1, main h2').first().waitFor();
  };

  it('tells a newcomer what to do', async () => {
    await open('/jobs');
    await page.getByRole('heading', { name: 'No jobs yet' }).waitFor();
    expect(await page.getByLabel('Commands for a first job').textContent()).toContain(`${service.url}/v1/jobs`);
    expect(await findings(page)).toEqual([]);
  });

  it('uploads checkpoints, merges them by the form, shows the job live, and gives the result', async () => {
    const folder = subfolder(root);
    const files = await Promise.all(
      ['alpha', 'beta'].map((name, n) =>
        makeCheckpoint(folder, randomChain([48, 40, 32, 24], n + 1), `${name}.safetensors`),
      ),
    );
    await open('/checkpoints');
    await page.getByLabel('Choose files').setInputFiles(files);
    await page.getByRole('button', { name: 'Upload', exact: true }).click();
    await page.getByRole('table', { name: 'Checkpoints' }).getByRole('link', { name: 'beta' }).waitFor();
    expect(await findings(page)).toEqual([]);
    await page.getByRole('table', { name: 'Checkpoints' }).getByRole('link', { name: 'alpha' }).click();
    await page.getByRole('cell', { name: 'layers.1.weight' }).waitFor();
    expect(await findings(page)).toEqual([]);

    await page.getByRole('link', { name: 'Merge it' }).click();
    await page.getByRole('button', { name: 'Add a source' }).click();
    await page.getByLabel('Source 2', { exact: true }).selectOption('beta');
    await page.getByLabel('Width of layer 1, layers.0.weight', { exact: true }).fill('100');
    await page.getByRole('button', { name: '/model/layers/0/width' }).click();
    const wide = page.getByLabel('Width of layer 1, layers.0.weight', { exact: true });
    expect(await page.locator(':focus').getAttribute('data-pointer')).toBe('/model/layers/0/width');
    expect(await wide.getAttribute('aria-invalid')).toBe('true');
    const told = page.locator(`[id="${await wide.getAttribute('aria-describedby')}"]`);
    expect(await told.textContent()).toMatch(/^Width 100 is outside 1…80 /);
    await wide.fill('60');
    await page.getByLabel('Name', { exact: true }).fill('made in the form');
    await page.getByRole('region', { name: 'Tensors of the result' }).getByRole('cell', { name: '60 × 96' }).waitFor();
    expect(await findings(page)).toEqual([]);
    await page.getByRole('button', { name: 'JSON' }).click();
    expect(await page.getByRole('textbox').inputValue()).toContain('"name": "made in the form"');
    expect(await findings(page)).toEqual([]);
    await page.getByRole('button', { name: 'Submit' }).click();

    await page.getByRole('heading', { name: 'made in the form' }).waitFor();
    await page
      .getByText('Waiting for a worker')
      .or(page.getByText(/of \d+ steps/).first())
      .waitFor();
    await page.getByRole('heading', { name: 'Errors per tensor' }).waitFor();
    const id = page.url().split('/').at(-1) as string;
    const { body: job } = await service.http.get(`/v1/jobs/${id}`).expect(200);
    expect(job.spec.model.layers[0].width).toBe(60);
    const { body: metrics } = await service.http.get(`/v1/jobs/${id}/metrics`).expect(200);
    const row = page.getByRole('row').filter({ has: page.getByText('layers.0.weight', { exact: true }) });
    expect(await row.first().textContent()).toContain(metrics.tensors[0].relative_error.toPrecision(4));
    await page
      .getByRole('listitem')
      .filter({ hasText: /succeeded$/ })
      .waitFor();
    await page.locator('.plot svg').nth(1).waitFor();
    expect(await findings(page)).toEqual([]);
    // A plot keeps its drawing until the browser says that its box has another size.
    const wider = await page.evaluate<number>(`
      for (const part of document.querySelectorAll('.plot *')) part.style.width = '4000px';
      document.documentElement.scrollWidth - innerWidth`);
    expect(wider).toBe(0);
    await page.reload();
    await page.getByRole('heading', { name: 'Errors per tensor' }).waitFor();

    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'model.safetensors' }).click(),
    ]);
    const saved = await readFile(await download.path());
    const reply = await service.http.get(`/v1/jobs/${id}/artifacts/model.safetensors`).responseType('blob').expect(200);
    expect(saved.equals(reply.body)).toBe(true);
  });

  it('lists jobs, filters them, goes on after an outage, and shows workers and codes', async () => {
    await open('/jobs?status=failed');
    await page.getByText('No job matches.').waitFor();
    await page.getByRole('link', { name: 'succeeded' }).click();
    await page.getByRole('link', { name: 'made in the form' }).waitFor();
    expect(await findings(page)).toEqual([]);
    await context.setOffline(true);
    await page.getByText('This page asks again every few seconds.').waitFor();
    await page.getByText('service not reachable').waitFor();
    expect(await page.getByRole('link', { name: 'made in the form' }).count()).toBe(1);
    await context.setOffline(false);
    await page.getByText('could not be loaded').waitFor({ state: 'detached' });
    await page.getByText('service not reachable').waitFor({ state: 'detached' });
    await open('/workers');
    await page.getByText('Computes with').first().waitFor();
    expect(await findings(page)).toEqual([]);
    await open('/errors/width_out_of_range');
    expect(await page.locator('tr.marked').textContent()).toContain('a width no merge can have');
    expect(await findings(page)).toEqual([]);
  });

  it('shows what became of a transformer, and a comparison', async () => {
    for (const name of ['llama-a', 'llama-b'])
      for (const file of ['model.safetensors', 'config.json'])
        await upload(service.http, name, `${FIXTURES}${name}/${file}`, file);
    const ids = Array.from({ length: 34 }, (_, n) => (n * 37) % 256);
    const tokens = await makeCheckpoint(subfolder(root), [{ name: 'ids', shape: [2, 17], values: ids, dtype: 'I64' }]);
    await upload(service.http, 'tokens', tokens);
    const merged = await runJob(service.http, {
      sources: [{ checkpoint: 'llama-a' }, { checkpoint: 'llama-b' }],
      model: { family: 'auto' },
      target: { hidden_size: 192, num_attention_heads: 6, intermediate_size: 528 },
      probe: { checkpoint: 'tokens', file: 'model.safetensors', ids: 'ids' },
    });
    const { body: metrics } = await service.http.get(`/v1/jobs/${merged.id}/metrics`).expect(200);
    await open(`/jobs/${merged.id}`);
    await page.getByText('an initialisation for further training').waitFor();
    await page.locator('.plot svg').nth(1).waitFor();
    const losses = page.getByRole('region', { name: 'Losses', exact: true });
    expect(await losses.textContent()).toContain(metrics.end_to_end.result_loss.toFixed(3));
    const heads = page.getByRole('row').filter({ has: page.getByText('layer.0.heads', { exact: true }) });
    expect(await heads.textContent()).toContain('selection');
    expect(await findings(page)).toEqual([]);

    const compared = await runJob(service.http, {
      sources: [{ checkpoint: 'alpha' }, { checkpoint: 'beta' }],
      model: { family: 'chain', layers: [0, 1, 2].map((l) => ({ weight: `layers.${l}.weight` })) },
      compare: { widths: [0.5] },
    });
    const { body: comparison } = await service.http.get(`/v1/jobs/${compared.id}/metrics`).expect(200);
    await open(`/jobs/${compared.id}`);
    await page.locator('.plot svg').waitFor();
    const table = page.getByRole('region', { name: 'Comparison', exact: true });
    expect(await table.getByRole('row').count()).toBe(comparison.rows.length + 1);
    expect(await findings(page)).toEqual([]);
  });

  it('asks for a key once there are keys, and shows, saves and reports with it', async () => {
    const { text: key } = await new KeyStore(service.dataDir, []).create('browser', 'read');
    const refused = context.waitForEvent('response', { predicate: (reply) => reply.status() === 401 });
    await open('/jobs?status=succeeded');
    const dialog = page.getByRole('dialog', { name: 'API key' });
    await Promise.all([refused, dialog.waitFor()]);
    expect(await findings(page)).toEqual([]);
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
    await page.getByRole('button', { name: 'Enter a key' }).click();
    await dialog.getByLabel('Key').fill(`wf_${'x'.repeat(43)}`);
    await dialog.getByRole('button', { name: 'Use key' }).click();
    await dialog.getByText('did not accept the key').waitFor();
    await dialog.getByLabel('Key').fill(key);
    await dialog.getByLabel('Key').press('Enter');
    await dialog.waitFor({ state: 'hidden' });

    await page.getByRole('link', { name: 'made in the form' }).click();
    await page.getByRole('heading', { name: 'Errors per tensor' }).waitFor();
    // Where a browser has a dialog for the place, nobody is here to answer it.
    await page.evaluate('delete window.showSaveFilePicker');
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'metrics.json' }).click(),
    ]);
    const id = page.url().split('/').at(-1) as string;
    expect(JSON.parse(await readFile(await download.path(), 'utf8')).job_id).toBe(id);
    const [report] = await Promise.all([
      context.waitForEvent('page'),
      page.getByRole('button', { name: 'Report' }).click(),
    ]);
    await report.getByRole('heading', { name: 'made in the form' }).waitFor();
    expect(await report.locator('figure svg').count()).toBeGreaterThan(0);
    await report.close();

    await page.getByRole('link', { name: 'Change and run' }).click();
    await page.getByText('has the scope read; this needs submit').waitFor();
    await page.getByRole('button', { name: 'Use another key' }).click();
    expect(await findings(page)).toEqual([]);
    await dialog.getByRole('button', { name: 'Forget the key' }).click();
    await dialog.getByText('This service asks for an API key.').waitFor();
    const { text: other } = await new KeyStore(service.dataDir, []).create('other', 'submit');
    await dialog.getByLabel('Key').fill(other);
    await dialog.getByLabel('Key').press('Enter');
    await page.getByText('Estimated time').waitFor();
  });

  it('complains of nothing in the console', () => {
    // What was refused on purpose, a plan and keys, is an answer with its status, which browsers report too; so was the outage.
    expect(complaints.filter((text) => !/status of (422|401|403)|ERR_INTERNET_DISCONNECTED/.test(text))).toEqual([]);
  });
});

import { readFile } from 'node:fs/promises';
import { AxeBuilder } from '@axe-core/playwright';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findChromium, launchChromium } from '../support/browser.js';
import { makeCheckpoint, randomChain } from '../support/checkpoint.js';
import { startService, type TestService } from '../support/service.js';
import { subfolder, temporaryFolder } from '../support/temporary.js';

const executable = findChromium();
if (!executable) console.warn('skipped: no Chromium on this machine (npm run setup -- --tests installs one)');

const root = temporaryFolder();
const WIDE = { width: 1280, height: 900 };
const PHONE = { width: 390, height: 844 };

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

  /** Serious findings of axe on what is shown, in light and in dark, and whether the page fits a phone. */
  const findings = async () => {
    const found: string[] = [];
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      // The page has no frames: without looking for them axe takes a fraction of the time.
      const axe = new AxeBuilder({ page }).setLegacyMode(true);
      // Of what axe looks at, only contrast depends on the theme.
      const { violations } = await (colorScheme === 'dark' ? axe.withRules('color-contrast') : axe).analyze();
      for (const { id, impact, nodes } of violations)
        if (impact === 'serious' || impact === 'critical')
          found.push(`${colorScheme}: ${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' | ')}`);
    }
    await page.setViewportSize(PHONE);
    const overflow = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
    if (overflow > 0) found.push(`${overflow} px too wide for a phone`);
    await page.setViewportSize(WIDE);
    return found;
  };

  it('tells a newcomer what to do', async () => {
    await open('/jobs');
    await page.getByRole('heading', { name: 'No jobs yet' }).waitFor();
    expect(await page.getByLabel('Commands for a first job').textContent()).toContain(`${service.url}/v1/jobs`);
    expect(await findings()).toEqual([]);
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
    await page.getByRole('table', { name: 'Checkpoints' }).getByRole('link', { name: 'alpha' }).click();
    await page.getByRole('cell', { name: 'layers.1.weight' }).waitFor();
    expect(await findings()).toEqual([]);

    await page.getByRole('link', { name: 'Merge it' }).click();
    await page.getByRole('button', { name: 'Add a source' }).click();
    await page.getByLabel('Source 2', { exact: true }).selectOption('beta');
    await page.getByLabel('Width of layer 1, layers.0.weight', { exact: true }).fill('100');
    await page.getByRole('button', { name: '/model/layers/0/width' }).click();
    const wide = page.getByLabel('Width of layer 1, layers.0.weight', { exact: true });
    expect(await page.locator(':focus').getAttribute('data-pointer')).toBe('/model/layers/0/width');
    expect(await wide.getAttribute('aria-invalid')).toBe('true');
    await wide.fill('60');
    await page.getByLabel('Name', { exact: true }).fill('made in the form');
    await page.getByRole('region', { name: 'Tensors of the result' }).getByRole('cell', { name: '60 × 96' }).waitFor();
    expect(await findings()).toEqual([]);
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
    expect(await findings()).toEqual([]);

    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'model.safetensors' }).click(),
    ]);
    const saved = await readFile(await download.path());
    const reply = await service.http.get(`/v1/jobs/${id}/artifacts/model.safetensors`).responseType('blob').expect(200);
    expect(saved.equals(reply.body)).toBe(true);
  });

  it('lists jobs, filters them, and shows workers and codes', async () => {
    await open('/jobs?status=failed');
    await page.getByText('No job matches.').waitFor();
    await page.getByRole('link', { name: 'succeeded' }).click();
    await page.getByRole('link', { name: 'made in the form' }).waitFor();
    expect(await findings()).toEqual([]);
    await open('/workers');
    await page.getByText('Computes with').first().waitFor();
    expect(await findings()).toEqual([]);
    await open('/errors/width_out_of_range');
    expect(await page.locator('tr.marked').textContent()).toContain('a width no merge can have');
    expect(await findings()).toEqual([]);
  });

  it('complains of nothing in the console', () => {
    // The plan that was refused on purpose is an answer with status 422, which browsers report too.
    expect(complaints.filter((text) => !text.includes('status of 422'))).toEqual([]);
  });
});

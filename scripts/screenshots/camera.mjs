import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { chromium } from 'playwright-core';

const SIZES = { 1280: { width: 1280, height: 800 }, 390: { width: 390, height: 844 } };
const SCHEMES = ['light', 'dark'];
/** Plots and counters have settled. */
const SETTLE_MS = 700;

function findChromium() {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  for (const name of ['chromium', 'chromium-browser', 'google-chrome'])
    try {
      return execFileSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).trim();
    } catch {
      // the next one
    }
  throw new Error('No Chromium here; CHROMIUM names one.');
}

/** A browser that pictures pages into `folder`, and remembers what they complained of. */
export async function openCamera(folder) {
  const browser = await chromium.launch({
    executablePath: findChromium(),
    args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
  });
  const complaints = new Set();
  const visit = async (name, url, options) => {
    const page = await (await browser.newContext({ reducedMotion: 'reduce', ...options })).newPage();
    page.on('console', (message) => message.type() === 'error' && complaints.add(`${name}: ${message.text()}`));
    page.on('pageerror', (error) => complaints.add(`${name}: ${error.message}`));
    await page.goto(url);
    return page;
  };
  return {
    complaints,
    /** The whole of a page, light and dark, wide and narrow, as `NAME-light-1280.png` and so on. */
    async take(name, url, prepare = async () => {}) {
      for (const colorScheme of SCHEMES)
        for (const [label, viewport] of Object.entries(SIZES)) {
          const page = await visit(name, url, { viewport, colorScheme });
          await prepare(page);
          await sleep(SETTLE_MS);
          await page.screenshot({ path: path.join(folder, `${name}-${colorScheme}-${label}.png`), fullPage: true });
          await page.context().close();
        }
    },
    /** As far as one screen shows a page, light as `NAME.png` and dark as `NAME-dark.png`. */
    async picture(name, url, prepare, schemes = ['light']) {
      for (const colorScheme of schemes) {
        const page = await visit(name, url, { viewport: SIZES[1280], colorScheme });
        await prepare(page);
        await sleep(SETTLE_MS);
        await page.screenshot({ path: path.join(folder, `${name}${colorScheme === 'dark' ? '-dark' : ''}.png`) });
        await page.context().close();
      }
    },
    close: () => browser.close(),
  };
}

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const PLACES = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
];

const located = (name: string) => {
  const { status, stdout } = spawnSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
};

/** The machine's Chromium: what CHROMIUM names, else the first found; undefined where there is none. */
export const findChromium = (): string | undefined =>
  process.env.CHROMIUM ?? NAMES.map(located).find(Boolean) ?? PLACES.find((place) => existsSync(place));

/** Start a Chromium without a window. In containers, where one is root, its sandbox cannot start. */
export const launchChromium = (executablePath: string): Promise<Browser> =>
  chromium.launch({ executablePath, args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] });

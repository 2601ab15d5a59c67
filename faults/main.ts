import { api } from './api.js';
import { disk } from './disk.js';
import { everyProcess } from './every-process.js';
import { type Row, Skipped, seconds } from './figures.js';
import { fuzz } from './fuzz.js';
import { kills, machines } from './kills.js';
import { load } from './load.js';
import { memory } from './memory.js';
import { paused } from './paused.js';
import { queue } from './queue.js';
import { redis } from './redis.js';
import { scaling } from './scaling.js';
import { uploads } from './uploads.js';

/** Every part, in the order they run; each starts and ends its own service. */
const PARTS: Record<string, () => Promise<Row[]>> = {
  kills,
  machines,
  'every-process': everyProcess,
  redis,
  api,
  paused,
  disk,
  memory,
  scaling,
  queue,
  load,
  uploads,
  fuzz,
};

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !Object.hasOwn(PARTS, name));
if (unknown.length > 0) {
  console.error(`Unknown: ${unknown.join(', ')}. Parts: ${Object.keys(PARTS).join(', ')}.`);
  process.exit(2);
}
let failures = 0;
for (const name of asked.length > 0 ? asked : Object.keys(PARTS)) {
  const from = Date.now();
  try {
    const rows = await PARTS[name]();
    console.log(`\n| ${name} | seen | bound | |\n| --- | --- | --- | --- |`);
    for (const { what, seen, bound, ok } of rows)
      console.log(`| ${what} | ${seen} | ${bound} | ${ok ? 'ok' : 'FAILED'} |`);
    const failed = rows.filter(({ ok }) => !ok).length;
    failures += failed;
    console.log(`\n${name}: ${rows.length - failed} held, ${failed} failed, ${seconds(Date.now() - from)}`);
  } catch (error) {
    if (error instanceof Skipped) console.log(`\n${name}: skipped, ${error.message}`);
    else {
      failures++;
      console.log(`\n${name}: broke off after ${seconds(Date.now() - from)}: ${(error as Error).stack}`);
    }
  }
}
process.exit(failures === 0 ? 0 : 1);

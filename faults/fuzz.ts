import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { fuzzHeaders } from '../test/support/fuzz-headers.js';
import { LARGE_ATTACKS } from '../test/support/header-attacks.js';
import type { Row } from './figures.js';

const FUZZED_FILES = 100_000;
/** Of the whole process that opens an attack, Node itself (about 50 MB) included. */
const MAX_RSS_BYTES = 200e6;
const MAX_MS = 1000;

const FILE_MODULE = new URL('../src/safetensors/file.js', import.meta.url);
/** Opens a file in a fresh process and says how that went, in how much processor time, with how much memory. */
const OPEN = `
const { SafetensorsFile } = await import(process.argv[1]);
const from = process.cpuUsage();
let reason = 'accepted';
try { await (await SafetensorsFile.open(process.argv[2])).close(); }
catch (error) { reason = error.reason ?? String(error); }
const { user, system } = process.cpuUsage(from);
console.log(JSON.stringify({ reason, ms: (user + system) / 1000, rss: process.resourceUsage().maxRSS * 1024 }));`;

/** Fuzzed headers, and the named attacks at full size, each in a process of its own. */
export async function fuzz(): Promise<Row[]> {
  const { refused, accepted, slowest } = fuzzHeaders(FUZZED_FILES, 20_240);
  const folder = await mkdtemp(path.join(os.tmpdir(), 'wf-headers-'));
  const run = promisify(execFile);
  const failures: string[] = [];
  let [longest, most] = [0, 0];
  try {
    for (const [what, bytes, expected] of LARGE_ATTACKS) {
      const file = path.join(folder, 'attack.safetensors');
      await writeFile(file, bytes());
      const { stdout } = await run(process.execPath, ['--input-type=module', '-e', OPEN, FILE_MODULE.href, file]);
      const { reason, ms, rss } = JSON.parse(stdout) as { reason: string; ms: number; rss: number };
      [longest, most] = [Math.max(longest, ms), Math.max(most, rss)];
      if (reason !== expected || ms > MAX_MS || rss > MAX_RSS_BYTES)
        failures.push(`${what}: ${reason}, ${ms.toFixed(0)} ms, ${(rss / 1e6).toFixed(0)} MB`);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  const total = [...refused.values()].reduce((sum, count) => sum + count, 0);
  return [
    {
      what: `${FUZZED_FILES} fuzzed safetensors headers`,
      seen: `${total} refused for ${refused.size} reasons, ${accepted} well-formed and read right, slowest ${slowest.toFixed(0)} ms`,
      bound: 'each < 1 s',
      ok: slowest < MAX_MS,
    },
    {
      what: `${LARGE_ATTACKS.length} named attacks of up to 16 MiB, a process each`,
      seen: `slowest ${longest.toFixed(0)} ms, largest process ${(most / 1e6).toFixed(0)} MB; not refused so: ${failures.join('; ') || 'none'}`,
      bound: 'each refused for its reason, < 1 s of processor time, < 200 MB',
      ok: failures.length === 0,
    },
  ];
}

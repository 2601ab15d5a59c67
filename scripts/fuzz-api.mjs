// Requests that schemathesis makes from openapi.yaml, against a service of its own: nothing may fail that
// fuzz-api/exceptions.mjs does not explain. Where Python or its packages cannot be had, it says why and is skipped.
// usage: npm run test:fuzz-api [-- SECONDS]
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { EXCEPTIONS } from './fuzz-api/exceptions.mjs';
import { readReport } from './fuzz-api/failures.mjs';
import { seed } from './fuzz-api/seed.mjs';
import { pythonEnvironment } from './python-environment.mjs';
import { root, startService } from './service.mjs';

const SECONDS = 300;
/** The oldest Python of the pinned schemathesis. */
const LEAST_PYTHON = [3, 11];
/** Shown of bodies: enough to see what is wrong. */
const SHOWN = 2_000;

const own = (name) => fileURLToPath(new URL(`./fuzz-api/${name}`, import.meta.url));
const seconds = Number(process.argv[2] ?? SECONDS);
if (!Number.isInteger(seconds) || seconds < 1) {
  console.error(`SECONDS is a whole number from 1 on, not "${process.argv[2]}".`);
  process.exit(2);
}
const environment = pythonEnvironment('fuzz-api', own('requirements.txt'), LEAST_PYTHON);
if ('missing' in environment) {
  console.log(`skipped: ${environment.missing}`);
  process.exit(0);
}

const key = `wf_${randomBytes(32).toString('base64url')}`;
const work = await mkdtemp(path.join(os.tmpdir(), 'wf-fuzz-'));
const service = await startService(path.join(work, 'data'), {
  API_KEYS: `fuzz:admin:${key}`,
  RATE_LIMIT_PER_MINUTE: '0',
  LOG_LEVEL: 'silent',
});
let report;
try {
  await seed(work, async (checkpoint, file, body) => {
    const headers = { authorization: `Bearer ${key}` };
    const url = `${service.client.url}/v1/checkpoints/${checkpoint}/files/${file}`;
    const reply = await fetch(url, { method: 'PUT', headers, body });
    if (!reply.ok) throw new Error(`${url}: ${reply.status} ${await reply.text()}`);
  });
  report = await fuzz(service.client.url);
  if (!(await service.client.ready())) report.errors.push('The service is not ready after the run.');
} finally {
  await service.stop();
  await rm(work, { recursive: true, force: true, maxRetries: 5 });
}
tell(report);

async function fuzz(url) {
  const reports = path.join(work, 'reports');
  await mkdir(reports);
  const file = path.join(reports, 'run.ndjson');
  const child = spawn(
    environment.program('schemathesis'),
    [
      ...['--config-file', own('schemathesis.toml'), 'run', path.join(root, 'openapi.yaml'), '--url', url],
      ...['--max-time', String(seconds), '--report', 'ndjson', '--report-ndjson-path', file, '--no-color'],
    ],
    // It leaves files where it runs.
    {
      cwd: reports,
      env: { ...process.env, FUZZ_KEY: key, SCHEMATHESIS_HOOKS: 'hooks', PYTHONPATH: path.dirname(own('hooks.py')) },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (text) => {
      output = (output + text).slice(-SHOWN);
    });
  const [status] = await once(child, 'close');
  // 0: no failure, 1: failures, which the report has; anything else is no run.
  if (status > 1) throw new Error(`schemathesis ended with ${status}: ${output}`);
  const read = await readReport(file, (failure) => EXCEPTIONS.find((exception) => explains(exception, failure)));
  if (!read.ended) read.errors.push(`The run broke off: ${output}`);
  return read;
}

function explains({ check, operation, status, codes, when }, failure) {
  return (
    check === failure.check &&
    (operation === undefined || operation === failure.operation) &&
    (status === undefined || status === failure.status) &&
    (codes === undefined || codes.includes(failure.code)) &&
    (when === undefined || when(failure))
  );
}

function tell({ failures, errors, seed: random, cases }) {
  const left = failures.filter(({ exception }) => !exception);
  const used = new Set(failures.flatMap(({ exception }) => exception ?? []));
  for (const { check, operation, codes, status, reason } of used)
    console.log(`explained: ${check}, ${operation ?? 'any operation'}, ${codes?.join(', ') ?? status}: ${reason}`);
  for (const failure of left) {
    console.log(`\nFAILED: ${failure.check}, ${failure.operation}: ${failure.message}`);
    console.log(`  ${failure.request}\n  ${JSON.stringify(failure.headers)}\n  ${failure.body.slice(0, SHOWN)}`);
    console.log(`  → ${failure.status} ${failure.answer.slice(0, SHOWN)}`);
  }
  for (const error of errors) console.log(`\nERROR: ${error}`);
  const failed = left.length + errors.length;
  console.log(
    `\n${cases} requests in ${seconds} s (seed ${random}): ${failures.length - left.length} explained, ${failed} failed`,
  );
  process.exitCode = failed === 0 ? 0 : 1;
}

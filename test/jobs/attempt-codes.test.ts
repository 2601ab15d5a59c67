import { mkdir } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { loadConfig } from '../../src/config.js';
import { newJobId } from '../../src/jobs/ids.js';
import { JobStore } from '../../src/jobs/job-store.js';
import { createLogger } from '../../src/log.js';
import { ComputeProcessDied } from '../../workers/compute-process.js';
import { JobKeeper } from '../../workers/job-keeper.js';
import { ended } from '../../workers/outcomes.js';
import { subfolder, temporaryFolder } from '../support/temporary.js';

const root = temporaryFolder();
/** What an attempt fails with whose process is gone, whatever the reason. */
const GONE = new ComputeProcessDied('It was ended by SIGKILL.', true);

it.each([
  ['was cancelled', ended('cancelled'), 'cancelled'],
  ['ran out of time', ended('failed', { code: 'job_timeout', message: '', errors: [] }), 'job_timeout'],
  ['goes on', undefined, 'worker_crashed'],
  ['succeeded with another attempt', ended('succeeded'), 'worker_crashed'],
])('an attempt whose process is gone, of a job that %s', async (_, outcome, code) => {
  const dataDir = subfolder(root);
  const store = new JobStore(dataDir);
  await store.open();
  const config = loadConfig({ DATA_DIR: dataDir, LOG_LEVEL: 'silent' });
  const id = newJobId();
  await mkdir(store.files(id).folder);
  if (outcome) await store.finish(id, outcome);
  expect(await new JobKeeper(store, createLogger(config, 'test')).codeOf(id, GONE)).toBe(code);
});

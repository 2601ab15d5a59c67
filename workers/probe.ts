import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { WeightfoldError } from '../src/errors.js';
import type { WorkerBackend } from '../src/schemas/worker.js';
import { computeEnvironment } from './compute-environment.js';
import type { ProbeReply } from './probe-backend.js';

const PROGRAM = fileURLToPath(new URL('./probe-backend.js', import.meta.url));
/** Loading TensorFlow or initialising a CUDA device takes seconds; a driver that hangs must not hang the worker. */
const TIMEOUT_MS = 60_000;

/**
 * Find out, in a process of its own, what this worker's jobs will be computed with.
 * @throws WeightfoldError `backend_unavailable`
 */
export async function probeBackend(): Promise<WorkerBackend> {
  const { stdout } = await promisify(execFile)(process.execPath, [PROGRAM], {
    env: computeEnvironment(),
    timeout: TIMEOUT_MS,
  }).catch((error: Error) => {
    throw new WeightfoldError(`No backend could be opened: the process that tried it ended (${error.message}).`, {
      code: 'backend_unavailable',
      status: 503,
      cause: error,
    });
  });
  const reply = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as ProbeReply;
  if ('compute' in reply) return reply.compute;
  throw new WeightfoldError(reply.error.message, { code: reply.error.code, status: 503 });
}

import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { WeightfoldError } from '../src/errors.js';
import type { Machine } from '../src/schemas/machine.js';
import type { WorkerBackend } from '../src/schemas/worker.js';
import { computeEnvironment } from './compute-environment.js';
import type { ProbeReply } from './probe-backend.js';

const PROGRAM = fileURLToPath(new URL('./probe-backend.js', import.meta.url));
/** Loading TensorFlow or initialising a CUDA device takes seconds; a driver that hangs must not hang the worker. */
const TIMEOUT_MS = 60_000;
/** Of what a process wrote before it died: its last words. */
const LAST_WORDS = 2_000;

export interface Probe {
  /** What this worker's jobs will be computed with. */
  compute: WorkerBackend;
  /** How fast that is: a little later. */
  speed: Promise<Machine>;
  /** End the measuring. */
  stop: () => void;
}

/**
 * Find out, in a process of its own, what this worker's jobs will be computed with, and how fast that is.
 * @throws WeightfoldError `backend_unavailable`
 */
export async function probeBackend(): Promise<Probe> {
  const child = fork(PROGRAM, {
    env: computeEnvironment(),
    timeout: TIMEOUT_MS,
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let words = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    words = (words + text).slice(-LAST_WORDS);
  });
  const said = <T>(read: (reply: ProbeReply) => T | undefined) =>
    new Promise<T>((resolve, reject) => {
      child.on('message', (reply: ProbeReply) => {
        const value = read(reply);
        if (value !== undefined) resolve(value);
        else if ('error' in reply)
          reject(new WeightfoldError(reply.error.message, { code: reply.error.code, status: 503 }));
      });
      child.once('error', reject);
      child.once('close', (code, signal) => reject(new Error(`ended by ${signal ?? code}: ${words}`)));
    });
  const speed = said((reply) => ('speed' in reply ? reply.speed : undefined));
  speed.catch(() => {}); // whoever asks for it is told
  const compute = await said((reply) => ('compute' in reply ? reply.compute : undefined)).catch((error: Error) => {
    if (error instanceof WeightfoldError) throw error;
    throw new WeightfoldError(`No backend could be opened: the process that tried it ${error.message}.`, {
      code: 'backend_unavailable',
      status: 503,
      cause: error,
    });
  });
  return { compute, speed, stop: () => void child.kill() };
}

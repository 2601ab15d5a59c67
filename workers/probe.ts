import { fork } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { WeightfoldError } from '../src/errors.js';
import type { Logger } from '../src/log.js';
import type { Machine } from '../src/schemas/machine.js';
import type { WorkerBackend } from '../src/schemas/worker.js';
import { computeEnvironment } from './compute-environment.js';
import type { ProbeReply } from './probe-backend.js';

const PROGRAM = fileURLToPath(new URL('./probe-backend.js', import.meta.url));
/** Loading TensorFlow or initialising a CUDA device takes seconds; a driver that hangs must not hang the worker. */
const TIMEOUT_MS = 60_000;
/** Wait before a probe that died is repeated; doubles each time, up to the second. */
const RETRY_MS = 500;
const RETRY_AT_MOST_MS = 30_000;
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
 * Find out, in a process of its own, what this worker's jobs will be computed with, and how fast that is. A process
 * that dies without an answer (out of memory, killed) is followed by another, for as long as it takes.
 * @throws WeightfoldError why no backend can be opened, as the process says
 */
export async function probeBackend(log: Logger): Promise<Probe> {
  for (let wait = RETRY_MS; ; wait = Math.min(2 * wait, RETRY_AT_MOST_MS)) {
    try {
      return await probeOnce();
    } catch (error) {
      if (error instanceof WeightfoldError) throw error;
      log.error({ err: error }, `the process that tries the backend died; another one starts in ${wait / 1000} s`);
      await sleep(wait);
    }
  }
}

async function probeOnce(): Promise<Probe> {
  const child = fork(PROGRAM, {
    env: computeEnvironment(),
    timeout: TIMEOUT_MS,
    // Also one that is stopped, or blocked in a driver.
    killSignal: 'SIGKILL',
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
      child.once('close', (code, signal) => reject(new Error(`It ended with ${signal ?? code}. ${words}`.trim())));
    });
  const speed = said((reply) => ('speed' in reply ? reply.speed : undefined));
  speed.catch(() => {}); // whoever asks for it is told
  const compute = await said((reply) => ('compute' in reply ? reply.compute : undefined));
  return { compute, speed, stop: () => void child.kill() };
}

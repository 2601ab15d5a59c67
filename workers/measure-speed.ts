import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Machine } from '../src/schemas/machine.js';
import { computeEnvironment } from './compute-environment.js';

const PROGRAM = fileURLToPath(new URL('./speed-program.js', import.meta.url));
/** Loading TensorFlow or initialising a CUDA device takes seconds; a driver that hangs must not go unnoticed. */
const TIMEOUT_MS = 60_000;

/** How fast this worker's backend is, measured in a process of its own while the worker takes jobs already. */
export async function measureSpeed(signal: AbortSignal): Promise<Machine> {
  const { stdout } = await promisify(execFile)(process.execPath, [PROGRAM], {
    env: computeEnvironment(),
    timeout: TIMEOUT_MS,
    signal,
  });
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Machine;
}

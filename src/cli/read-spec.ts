import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import type { JobSpecInput } from '../client/index.js';
import { UsageError } from './session.js';

/** A job spec of a file, or of standard input for `-`. What is in it the service checks. */
export async function readSpec(file: string): Promise<JobSpecInput> {
  const content = await (file === '-' ? text(process.stdin) : readFile(file, 'utf8')).catch((error: Error) => {
    throw new UsageError(`The spec cannot be read: ${error.message}`);
  });
  try {
    return JSON.parse(content) as JobSpecInput;
  } catch (error) {
    throw new UsageError(`${file === '-' ? 'The spec' : file} is not JSON: ${(error as Error).message}`);
  }
}

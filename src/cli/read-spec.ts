import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import type { JobSpecInput } from '../client/index.js';
import { UsageError } from './session.js';

/** Text as its byte order mark says, which is left out: PowerShell writes UTF-16, Notepad UTF-8, both with one. */
function decode(bytes: Buffer): string {
  const [first, second] = bytes;
  const encoding =
    first === 0xff && second === 0xfe ? 'utf-16le' : first === 0xfe && second === 0xff ? 'utf-16be' : 'utf-8';
  return new TextDecoder(encoding).decode(bytes);
}

/** A job spec of a file, or of standard input for `-`. What is in it the service checks. */
export async function readSpec(file: string): Promise<JobSpecInput> {
  const content = await (file === '-' ? buffer(process.stdin) : readFile(file)).catch((error: Error) => {
    throw new UsageError(`The spec cannot be read: ${error.message}`);
  });
  try {
    return JSON.parse(decode(content)) as JobSpecInput;
  } catch (error) {
    throw new UsageError(`${file === '-' ? 'The spec' : file} is not JSON: ${(error as Error).message}`);
  }
}

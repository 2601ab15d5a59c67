import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { isMissing } from './files.js';

/** A file of the service's own that does not hold what was written into it: cut, overwritten, replaced by a folder. */
export class DamagedFile extends Error {
  constructor(file: string, reason: string, cause?: unknown) {
    super(`${path.basename(file)} ${reason}`, { cause });
    this.name = 'DamagedFile';
  }
}

const isObject = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * Parsed content of a file that the service wrote, or undefined where there is no such file.
 * @param isSound whether the content can be what was written; every such file holds an object
 * @throws DamagedFile
 */
export async function readJson<T extends object>(
  file: string,
  isSound: (value: unknown) => boolean = isObject,
): Promise<T | undefined> {
  let value: unknown;
  try {
    value = JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    if (isMissing(error)) return undefined;
    if (error instanceof SyntaxError) throw new DamagedFile(file, 'is not JSON', error);
    if ((error as NodeJS.ErrnoException).code === 'EISDIR') throw new DamagedFile(file, 'is a folder', error);
    throw error;
  }
  if (!isSound(value)) throw new DamagedFile(file, 'does not hold what it was written with');
  return value as T;
}

/** As `readJson`, for files that can be made again: one that is damaged counts as missing. */
export const readCache = <T extends object>(file: string): Promise<T | undefined> =>
  readJson<T>(file).catch((error) => {
    if (error instanceof DamagedFile) return undefined;
    throw error;
  });

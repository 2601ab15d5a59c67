import { constants, type Stats } from 'node:fs';
import { type FileHandle, lstat, open, stat } from 'node:fs/promises';
import path from 'node:path';
import { DataError } from '../errors.js';
import { isMissing } from './files.js';

/** What a path can lead to beside a file, as messages call it. */
const KINDS: [test: (info: Stats) => boolean, name: string][] = [
  [(info) => info.isFIFO(), 'a named pipe (FIFO)'],
  [(info) => info.isSocket(), 'a socket'],
  [(info) => info.isCharacterDevice() || info.isBlockDevice(), 'a device'],
];

/**
 * Open a file that others may have put there. The path is looked at first, because opening a pipe or a device can wait
 * for ever or have effects of its own; and opened so that neither happens if it is replaced in between.
 * @param name how messages call it
 * @throws DataError `file_missing`, `file_is_folder`, `file_not_regular`, `link_dangling`, `link_circular`,
 *   `file_unreadable`
 */
export async function openRegular(location: string, name = path.basename(location)): Promise<FileHandle> {
  requireFile(await lookAt(location, name), name);
  const handle = await open(location, constants.O_RDONLY | constants.O_NONBLOCK).catch(async (error) => {
    throw await unreadable(error, location, name);
  });
  try {
    requireFile(await handle.stat(), name);
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** What a path leads to, links followed. @throws DataError as `openRegular` */
export async function lookAt(location: string, name = path.basename(location)): Promise<Stats> {
  return stat(location).catch(async (error) => {
    throw await unreadable(error, location, name);
  });
}

/** @throws DataError unless it is a file */
export function requireFile(info: Stats, name: string): void {
  if (info.isFile()) return;
  if (info.isDirectory()) throw new DataError('file_is_folder', `"${name}" is a folder; a file is needed.`);
  const kind = KINDS.find(([test]) => test(info))?.[1] ?? 'not a regular file';
  throw new DataError('file_not_regular', `"${name}" is ${kind}; only regular files are read.`);
}

/** Content of a small text file. @throws DataError as `openRegular`, and `json_too_large` */
export async function readRegular(
  location: string,
  mostBytes: number,
  name = path.basename(location),
): Promise<string> {
  const handle = await openRegular(location, name);
  try {
    const { size } = await handle.stat();
    if (size > mostBytes)
      throw new DataError('json_too_large', `"${name}" has ${size} bytes; such files may have ${mostBytes}.`);
    return await handle.readFile('utf8');
  } finally {
    await handle.close();
  }
}

/** Why a path cannot be read, as an error for clients; the error itself where it says nothing about the path. */
async function unreadable(error: unknown, location: string, name: string): Promise<unknown> {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ELOOP')
    return new DataError('link_circular', `"${name}" is a symbolic link that leads back to itself.`);
  if (code === 'EACCES' || code === 'EPERM')
    return new DataError('file_unreadable', `"${name}" cannot be read: this server has no permission.`);
  // A socket, or a device without a driver.
  if (code === 'ENXIO' || code === 'ENODEV')
    return new DataError('file_not_regular', `"${name}" is not a regular file; only regular files are read.`);
  if (code === 'ENAMETOOLONG') return new DataError('file_missing', `"${name}" does not exist: the name is too long.`);
  if (!isMissing(error)) return error;
  const link = await lstat(location).catch(() => undefined);
  if (link?.isSymbolicLink())
    return new DataError('link_dangling', `"${name}" is a symbolic link to something that does not exist.`);
  return new DataError('file_missing', `"${name}" does not exist.`);
}

import { constants } from 'node:fs';
import { access, mkdir, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { WeightfoldError } from '../errors.js';
import { exists } from './files.js';
import { isStorageFull, storageFull } from './headroom.js';
import { layout } from './layout.js';

/** Seconds after which a client may try again: somebody has to mount or mend something. */
const RETRY_AFTER_SECONDS = 30;

/** What the usual refusals of a file system mean. */
const REASONS: Record<string, string> = {
  ENOENT: 'it is missing',
  ENOTDIR: 'it, or a part of its path, is not a folder',
  EACCES: 'this user may not write there',
  EPERM: 'this user may not write there',
  EROFS: 'its file system is read-only',
  EIO: 'its disk reports errors',
  ESTALE: 'its network file system has gone',
  EMFILE: 'this process has too many files open',
  ENFILE: 'this machine has too many files open',
};

/** @param subject the setting that names the folder, with its value where the operator reads it */
const folderUnavailable = (subject: string, error: unknown) => {
  const { code = 'unknown' } = error as NodeJS.ErrnoException;
  return new WeightfoldError(
    `${subject} cannot be used: ${REASONS[code] ?? 'its file system refuses'} (${code}). ` +
      'Mount or make the folder and let this user write there; other folders are not used instead.',
    { code: 'store_unavailable', status: 503, retryable: true, retryAfter: RETRY_AFTER_SECONDS, cause: error },
  );
};

const DATA_FOLDER = 'The data folder (DATA_DIR)';

/** A file or folder below DATA_DIR could not be read or written, for a reason nobody expected. */
export const dataUnavailable = (error: unknown) => folderUnavailable(DATA_FOLDER, error);

/** Whether an error is about a file or folder below DATA_DIR. */
export const isDataError = (error: unknown, dataDir: string): boolean => {
  const { syscall, path: at } = error as NodeJS.ErrnoException;
  return syscall !== undefined && at !== undefined && path.resolve(at).startsWith(dataDir);
};

/** As `mkdir` with `recursive`, which does not end where a folder cannot be below one that is there (/proc, in Node 20). */
async function makeFolders(folder: string): Promise<void> {
  try {
    await mkdir(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && (await stat(folder)).isDirectory()) return;
    if (code !== 'ENOENT' || (await exists(path.dirname(folder)))) throw error;
    await makeFolders(path.dirname(folder));
    await makeFolders(folder);
  }
}

/**
 * Make a folder that a setting names, at start.
 * @throws WeightfoldError `store_unavailable` naming setting, folder and reason
 */
export async function openFolder(setting: string, folder: string): Promise<void> {
  try {
    await makeFolders(folder);
    await access(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    // A path that leads through a file is said to exist where the folder itself is one.
    const cause = (error as NodeJS.ErrnoException).code === 'EEXIST' ? { code: 'ENOTDIR' } : error;
    throw folderUnavailable(`${setting}=${JSON.stringify(folder)}`, cause);
  }
}

/**
 * See that the data folder is there. A folder that has vanished (an unmounted disk) must not look like an empty one.
 * @throws WeightfoldError `store_unavailable`
 */
export async function requireDataFolder(dataDir: string): Promise<void> {
  try {
    if (!(await stat(layout(dataDir).jobs)).isDirectory()) throw { code: 'ENOTDIR' };
  } catch (error) {
    throw dataUnavailable(error);
  }
}

/**
 * As `requireDataFolder`, and that files can be written into it: what a job that is taken needs.
 * @throws WeightfoldError `store_unavailable`, `storage_full`
 */
export async function requireWritable(dataDir: string): Promise<void> {
  await requireDataFolder(dataDir);
  const probe = path.join(dataDir, `.probe.${process.pid}.tmp`);
  try {
    await access(layout(dataDir).jobs, constants.W_OK);
    await writeFile(probe, 'x');
  } catch (error) {
    throw isStorageFull(error)
      ? storageFull('The store is full. Free space, then try again.', error)
      : dataUnavailable(error);
  } finally {
    await rm(probe, { force: true }).catch(() => {});
  }
}

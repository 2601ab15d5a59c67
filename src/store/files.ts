import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { copyFile, link, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';

const temporaryName = (target: string) => `${target}.${process.pid}.${randomBytes(6).toString('hex')}.tmp`;

/** Write a new file, on the disk when this returns. For folders nobody looks into yet; elsewhere `writeAtomic`. */
export async function writeSynced(target: string, data: string | Uint8Array): Promise<void> {
  const handle = await open(target, 'wx');
  try {
    await handle.writeFile(data);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function writeTemporary(target: string, data: string | Uint8Array): Promise<string> {
  const temporary = temporaryName(target);
  await writeSynced(temporary, data).catch(async (error) => {
    await rm(temporary, { force: true });
    throw error;
  });
  return temporary;
}

/**
 * A time of change tells whether a file or folder has changed, but not within the grain of the clock that gives it (4 to
 * 10 ms): what was read counts as known once it was read this long after that time was first seen.
 */
export const SETTLED_MS = 100;

/** SHA-256 of a file, lower-case hex. */
export async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file, { highWaterMark: 1024 * 1024 })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** Wait until a file's bytes are on the disk. */
export async function syncFile(file: string): Promise<void> {
  const handle = await open(file, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Make a rename or link in `folder` survive a power failure. */
export const syncFolder = syncFile;

/** Replace a file as a whole: readers see the old or the new content, never a mixture. */
export async function writeAtomic(target: string, data: string | Uint8Array): Promise<void> {
  const temporary = await writeTemporary(target, data);
  try {
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Create a file with its full content unless it exists; of several writers exactly one gets true. */
export async function createExclusive(target: string, data: string | Uint8Array): Promise<boolean> {
  const temporary = await writeTemporary(target, data);
  try {
    await link(temporary, target);
    await syncFolder(path.dirname(target));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Another name for a file that never changes; a copy where it lies on another file system. */
export async function linkOrCopy(from: string, to: string): Promise<void> {
  await link(from, to).catch((error) => {
    if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error;
    return copyFile(from, to);
  });
}

export const isMissing = (error: unknown): boolean => {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  return code === 'ENOENT' || code === 'ENOTDIR';
};

/** Bytes of a regular file; undefined where there is none. */
export async function sizeOf(at: string): Promise<number | undefined> {
  const info = await stat(at).catch((error) => {
    if (isMissing(error)) return undefined;
    throw error;
  });
  return info?.isFile() ? info.size : undefined;
}

/** Whether there is a file or folder. */
export async function exists(at: string): Promise<boolean> {
  return stat(at).then(
    () => true,
    (error) => {
      if (isMissing(error)) return false;
      throw error;
    },
  );
}

/** Make a folder in one that must be there. */
export async function ensureIn(parent: string, name: string): Promise<void> {
  await mkdir(path.join(parent, name)).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
}

export async function ensureFolder(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  return folder;
}

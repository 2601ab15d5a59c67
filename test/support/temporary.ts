import { mkdtempSync } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll } from 'vitest';

/** A folder for one test file, removed after its last test. Call it at the top of the file. */
export function temporaryFolder(): string {
  // Short, because a Unix socket lies below it and such paths are limited to about 100 bytes.
  const folder = mkdtempSync(path.join(os.tmpdir(), 'wf-'));
  afterAll(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

/** A new folder inside `root`. */
export const subfolder = (root: string): string => mkdtempSync(path.join(root, 't-'));

/** The content of every file below `folder`, as latin1. Files that go while it reads, as temporary ones do, are left out. */
export async function contentsBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const contents = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) =>
      readFile(path.join(parentPath, name), 'latin1').catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return null;
        throw error;
      }),
    );
  return (await Promise.all(contents)).filter((content) => content !== null);
}

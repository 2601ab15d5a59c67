import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
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

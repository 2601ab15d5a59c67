import path from 'node:path';
import { readJson } from '../store/files.js';

/** Inside a published artifacts folder: size and hash of every file, moved into place together with them. */
export const MANIFEST_FILE = '.manifest.json';

export type Manifest = Record<string, { size: number; sha256: string }>;

export const readManifest = (artifacts: string): Promise<Manifest | undefined> =>
  readJson<Manifest>(path.join(artifacts, MANIFEST_FILE));

import path from 'node:path';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('../tools/keys.js', import.meta.url));

/** What makes keys where this runs: npm's script where npm started it, else the file; images have no scripts. */
export const keysCommand = (): string =>
  process.env.npm_lifecycle_event ? 'npm run keys --' : `node ${path.relative(process.cwd(), PROGRAM)}`;

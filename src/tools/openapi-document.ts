import { readFile, writeFile } from 'node:fs/promises';
import { stringify } from 'yaml';
import { buildApp } from '../api/app.js';
import type { Services } from '../api/services.js';
import { loadConfig } from '../config.js';

// Usage: node dist/src/tools/openapi-document.js [--check]
// Writes openapi.yaml from the routes' schemas, or fails when the file differs from them.
const FILE = 'openapi.yaml';

// The document comes from schemas alone; no service behind the routes is touched.
const services = { config: loadConfig({}) } as Services;
const app = await buildApp(services);
await app.ready();
const text = stringify(app.swagger(), { aliasDuplicateObjects: false, lineWidth: 0, compat: 'yaml-1.1' });

if (process.argv.includes('--check')) {
  const current = await readFile(FILE, 'utf8').catch(() => '');
  if (current !== text) {
    process.stderr.write(`${FILE} differs from the schemas; run npm run openapi and commit it.\n`);
    process.exit(1);
  }
} else await writeFile(FILE, text);

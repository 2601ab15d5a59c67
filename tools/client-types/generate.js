import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import openapiTypescript, { astToString } from 'openapi-typescript';

// Usage: node tools/client-types/generate.js [--check]
// Writes the client's types from openapi.yaml, or fails when they differ from it.
const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const CONTRACT = 'openapi.yaml';
const FILE = 'src/client/api.ts';

const HEADER = '// Generated from openapi.yaml by `npm run openapi`; not edited by hand.\n\n';

const document = await readFile(path.join(root, CONTRACT), 'utf8');
const types = await openapiTypescript(document, {
  alphabetize: true,
  // A request may leave out what has a default; replies list it as required.
  defaultNonNullable: false,
  rootTypes: true,
  rootTypesNoSchemaPrefix: true,
});
const text = HEADER + astToString(types);

const current = await readFile(path.join(root, FILE), 'utf8').catch(() => '');
if (current !== text) {
  if (process.argv.includes('--check')) {
    process.stderr.write(`${FILE} differs from ${CONTRACT}; run npm run openapi and commit it.\n`);
    process.exit(1);
  }
  await writeFile(path.join(root, FILE), text);
  process.stderr.write(`${FILE} has changed with ${CONTRACT}; commit both.\n`);
}

#!/usr/bin/env node
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../dist/src/cli/main.js', import.meta.url));
if (existsSync(program)) await import(program);
else {
  process.stderr.write('weightfold: not built yet; run npm run setup in its folder.\n');
  process.exitCode = 2;
}

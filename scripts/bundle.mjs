// After the compiler: builds the dashboard into dist/dashboard and makes one file of the plotting library that reports are
// drawn with, unless nothing they are made of has changed.
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants } from 'node:zlib';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const output = path.join(root, 'dist', 'dashboard');
/** Everything the result depends on, this script included. */
const INPUTS = [
  'dashboard',
  'src/client',
  'src/format',
  'src/report',
  'docs/errors.md',
  'package-lock.json',
  'scripts/bundle.mjs',
];
const STAMP = path.join(output, '.inputs');
const PLOTS = path.join(root, 'dist', 'plots', 'echarts.js');
/** Smaller files gain nothing from compression. */
const LEAST_COMPRESSED_BYTES = 1024;

function filesOf(name) {
  const location = path.join(root, name);
  if (!existsSync(location)) return [];
  if (!statSync(location).isDirectory()) return [name];
  return readdirSync(location, { recursive: true })
    .map((entry) => path.join(name, entry))
    .filter((entry) => statSync(path.join(root, entry)).isFile())
    .sort();
}

function hashOfInputs() {
  const hash = createHash('sha256');
  for (const file of INPUTS.flatMap(filesOf))
    hash
      .update(file)
      .update('\0')
      .update(readFileSync(path.join(root, file)));
  return hash.digest('hex');
}

/** Compressed once here, not at every request. */
function compress() {
  for (const entry of readdirSync(output, { recursive: true })) {
    const file = path.join(output, entry);
    if (!/\.(js|css|html|svg)$/.test(file) || statSync(file).size < LEAST_COMPRESSED_BYTES) continue;
    const params = { [constants.BROTLI_PARAM_QUALITY]: 9 };
    writeFileSync(`${file}.br`, brotliCompressSync(readFileSync(file), { params }));
  }
}

/** The module that draws plots with the part of the library that it uses inside. */
const plots = (build) =>
  build({
    configFile: false,
    root,
    logLevel: 'warn',
    ssr: { noExternal: true },
    build: {
      ssr: path.join(root, 'src', 'report', 'echarts.ts'),
      outDir: path.dirname(PLOTS),
      copyPublicDir: false,
      minify: true,
      target: 'es2023',
    },
  });

const inputs = hashOfInputs();
if (!existsSync(STAMP) || readFileSync(STAMP, 'utf8') !== inputs || !existsSync(PLOTS)) {
  const { build } = await import('vite');
  await build({ configFile: path.join(root, 'dashboard', 'vite.config.ts'), logLevel: 'warn' });
  compress();
  await plots(build);
  writeFileSync(STAMP, inputs);
}
// In place of what the compiler writes each time.
copyFileSync(PLOTS, path.join(root, 'dist', 'src', 'report', 'echarts.js'));

// After the compiler: builds the dashboard into dist/dashboard, unless nothing it is made of has changed, and makes one file
// of the plotting library that reports are drawn with.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants } from 'node:zlib';
import { build } from 'vite';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const output = path.join(root, 'dist', 'dashboard');
/** Everything the result depends on, this script included. */
const INPUTS = ['dashboard', 'src/client', 'docs/errors.md', 'package-lock.json', 'scripts/bundle.mjs'];
const STAMP = path.join(output, '.inputs');
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

async function buildDashboard() {
  const inputs = hashOfInputs();
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === inputs) return;
  await build({ configFile: path.join(root, 'dashboard', 'vite.config.ts'), logLevel: 'warn' });
  compress();
  writeFileSync(STAMP, inputs);
}

/** In place of what the compiler wrote: the same module with the part of the library that it uses inside. */
const bundlePlots = () =>
  build({
    configFile: false,
    root,
    logLevel: 'warn',
    ssr: { noExternal: true },
    build: {
      ssr: path.join(root, 'src', 'report', 'echarts.ts'),
      outDir: path.join(root, 'dist', 'src', 'report'),
      emptyOutDir: false,
      copyPublicDir: false,
      minify: true,
      target: 'es2023',
    },
  });

await buildDashboard();
await bundlePlots();

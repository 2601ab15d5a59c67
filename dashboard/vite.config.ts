import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

/** Of a service that is already running, for `npx vite dashboard`. */
const SERVICE = process.env.SERVICE_URL ?? 'http://127.0.0.1:8080';
/** The plotting library, loaded only by pages with plots; larger than all the rest. */
const CHUNK_WARNING_KB = 700;

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  // Relative, so that the service may stand behind a path of a proxy.
  base: './',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: fileURLToPath(new URL('../dist/dashboard', import.meta.url)),
    emptyOutDir: true,
    target: 'es2022',
    // Everything is a file of its own: the page's content security policy allows no data: scripts or fonts.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: CHUNK_WARNING_KB,
  },
  server: { proxy: Object.fromEntries(['/v1', '/readyz', '/docs'].map((path) => [path, SERVICE])) },
});

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { QuickstartClient } from '../dist/src/quickstart/client.js';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const READY_SECONDS = 60;
export const POLL_MS = 300;

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  return port;
}

/** A service of its own: API, Redis and one worker, on a free port of loopback. */
export async function startService(dataDir, env = {}) {
  const port = await freePort();
  const child = spawn(process.execPath, [path.join(root, 'dist', 'src', 'start.js')], {
    env: { ...process.env, DATA_DIR: dataDir, PORT: String(port), HOST: '127.0.0.1', LOG_LEVEL: 'error', ...env },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const client = new QuickstartClient(`http://127.0.0.1:${port}`);
  const deadline = Date.now() + READY_SECONDS * 1000;
  while (!(await client.ready())) {
    if (Date.now() > deadline || child.exitCode !== null) throw new Error('The service did not start.');
    await sleep(POLL_MS);
  }
  return { client, stop: async () => child.kill('SIGTERM') && (await once(child, 'exit')) };
}

import { loadConfig } from '../src/config.js';
import { WeightfoldError } from '../src/errors.js';
import type { Machine } from '../src/schemas/machine.js';
import type { WorkerBackend } from '../src/schemas/worker.js';
import { selectBackend } from './linalg/registry.js';
import { measureMachine } from './measure-machine.js';

/** What this program tells the one that started it: the backend, then its speed; or why there is none. */
export type ProbeReply = { compute: WorkerBackend } | { speed: Machine } | { error: { code: string; message: string } };

// Open the backend, say what it is, measure it, say how fast it is, and end: libraries and device are not held by the
// worker itself.
const say = (reply: ProbeReply) => new Promise((resolve) => process.send?.(reply, resolve));
process.on('disconnect', () => process.exit());

try {
  const config = loadConfig();
  const { la, reason } = await selectBackend(config.COMPUTE_BACKEND, config);
  const { backend, library, device, deviceMemory, precisions, host, threads } = la.info;
  if (backend === 'reference') throw new Error('The reference backend is for tests.');
  const compute = { backend, reason, library, device, device_memory_bytes: deviceMemory, host, threads };
  await say({ compute: { ...compute, precisions: [...precisions] } });
  await say({ speed: await measureMachine(la, config.DATA_DIR) });
} catch (error) {
  const code = error instanceof WeightfoldError ? error.code : 'internal_error';
  await say({ error: { code, message: (error as Error).message } });
}
process.exit();

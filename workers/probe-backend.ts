import { loadConfig } from '../src/config.js';
import { WeightfoldError } from '../src/errors.js';
import type { WorkerBackend } from '../src/schemas/worker.js';
import { selectBackend } from './linalg/registry.js';

/** What `probeBackend` reads from this program's last line. */
export type ProbeReply = { compute: WorkerBackend } | { error: { code: string; message: string } };

// Open the backend, say on standard output what it is, and end: libraries and device are not held by the worker itself.
let reply: ProbeReply;
try {
  const config = loadConfig();
  const { la, reason } = await selectBackend(config.COMPUTE_BACKEND, config);
  const { backend, library, device, deviceMemory, precisions, host, threads } = la.info;
  if (backend === 'reference') throw new Error('The reference backend is for tests.');
  reply = {
    compute: {
      backend,
      reason,
      library,
      device,
      device_memory_bytes: deviceMemory,
      precisions: [...precisions],
      host,
      threads,
    },
  };
} catch (error) {
  const code = error instanceof WeightfoldError ? error.code : 'internal_error';
  reply = { error: { code, message: (error as Error).message } };
}
process.stdout.write(`\n${JSON.stringify(reply)}\n`, () => process.exit(0));

import type { Config } from '../../../src/config.js';
import type { LinearAlgebra } from '../contract.js';
import { CudaBackend } from './backend.js';
import { loadCuda } from './library.js';

/** Queues a GPU worker takes from at a time: its own, and the one that every worker serves. */
const QUEUES = 2;

/**
 * Open one GPU. The process sees no other: which device a call goes to is a property of the calling thread, and solvers
 * run on threads of a pool.
 * @throws WeightfoldError `backend_unavailable`, `device_failed`
 */
export function openCuda(
  host: LinearAlgebra,
  settings: Pick<Config, 'COMPUTE_DEVICE' | 'COMPUTE_TF32' | 'WORKER_CONCURRENCY'>,
): CudaBackend {
  selectDevice(settings.COMPUTE_DEVICE);
  return new CudaBackend(loadCuda(), host, {
    tf32: settings.COMPUTE_TF32,
    sharers: QUEUES * settings.WORKER_CONCURRENCY,
  });
}

/** Marks what CUDA_VISIBLE_DEVICES was before: a process and its children must not count twice. */
const VISIBLE_BEFORE = 'WEIGHTFOLD_VISIBLE_DEVICES';
/** Its value where CUDA_VISIBLE_DEVICES was not set. */
const ALL = 'all';

/** Of the devices this process may see, leave the one with this number. Before the driver is loaded. */
function selectDevice(number: number): void {
  process.env[VISIBLE_BEFORE] ??= process.env.CUDA_VISIBLE_DEVICES ?? ALL;
  const before = process.env[VISIBLE_BEFORE];
  const listed = before.split(',').filter((entry) => entry.trim() !== '');
  process.env.CUDA_DEVICE_ORDER ??= 'PCI_BUS_ID'; // as nvidia-smi counts
  // Set but empty, it means no device at all; -1 says the same, and does not look unset.
  process.env.CUDA_VISIBLE_DEVICES = before === ALL ? String(number) : (listed[number] ?? '-1');
}

import { availableParallelism } from 'node:os';
import type { LinearAlgebra } from '../../workers/linalg/contract.js';
import { CANDIDATES } from '../../workers/linalg/registry.js';

export interface Present {
  title: string;
  backend: string;
  /** Null where it cannot be used here; `reason` then says why. */
  la: LinearAlgebra | null;
  reason: string;
}

/** Every backend weightfold knows, opened where this machine has it. */
export async function openBackends(): Promise<Present[]> {
  const found: Present[] = [];
  for (const { title, backend, open } of CANDIDATES)
    found.push(
      await open({
        COMPUTE_THREADS: availableParallelism(),
        COMPUTE_DEVICE: 0,
        COMPUTE_TF32: false,
        WORKER_CONCURRENCY: 1,
      }).then(
        (la) => ({ title, backend, la, reason: '' }),
        (error: Error) => ({ title, backend, la: null, reason: error.message }),
      ),
    );
  return found;
}

import type { BackendName } from '../schemas/common.js';
import type { Worker } from '../schemas/worker.js';

/** What a queued job that asks for `backend` lacks among the workers that live; null where one of them serves it. */
export function waitingFor(
  backend: BackendName,
  workers: readonly Pick<Worker, 'serves' | 'compute'>[],
): string | null {
  if (workers.some(({ serves }) => serves.includes(backend))) return null;
  const there = [...new Set(workers.map(({ compute }) => compute.backend))].sort();
  return (
    `A worker with the backend "${backend}": no live worker has it (${there.length > 0 ? `there is ${there.join(', ')}` : 'no worker is connected'}). ` +
    'The job stays queued until one starts; "auto" takes what there is.'
  );
}

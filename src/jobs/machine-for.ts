import type { BackendName } from '../schemas/common.js';
import { DEFAULT_MACHINE, type Machine } from '../schemas/machine.js';
import type { Worker } from '../schemas/worker.js';

/** Whose speed a job's time is estimated from: the slowest live worker that could take it, else a usual machine's. */
export function machineFor(
  backend: BackendName,
  workers: readonly Pick<Worker, 'name' | 'serves' | 'compute' | 'speed'>[],
): { machine: Machine; name: string } {
  const able = workers.flatMap((worker) =>
    worker.speed && worker.serves.includes(backend) ? [{ ...worker, speed: worker.speed }] : [],
  );
  if (able.length === 0)
    return {
      machine: DEFAULT_MACHINE,
      name: 'two AVX-512 cores with OpenBLAS: no live worker that takes this job has measured its speed',
    };
  const slowest = able.reduce((a, b) => (b.speed.float32_flops_per_s < a.speed.float32_flops_per_s ? b : a));
  const { compute, name, speed } = slowest;
  return { machine: speed, name: `worker ${name}: ${compute.backend}, ${compute.device ?? compute.library}` };
}

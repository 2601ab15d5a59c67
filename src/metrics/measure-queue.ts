import { Gauge, type Registry } from 'prom-client';
import type { MergeQueue } from '../queue/merge-queue.js';
import { COMPUTE_BACKENDS } from '../schemas/worker.js';
import { askOnce } from './ask-once.js';

/** Gauges of the queues and of the workers that live, asked for with each scrape; without values where Redis is away. */
export function measureQueue(registry: Registry, queue: MergeQueue): void {
  const registers = [registry];
  const depths = askOnce(() => queue.depths().catch(() => undefined));
  const workers = askOnce(() => queue.workers().catch(() => undefined));
  new Gauge({
    name: 'weightfold_queue_up',
    help: 'Whether Redis answers.',
    registers,
    async collect() {
      this.set((await depths()) ? 1 : 0);
    },
  });
  new Gauge({
    name: 'weightfold_queue_steps',
    help: 'Steps in the queues that workers serve.',
    labelNames: ['queue', 'state'],
    registers,
    async collect() {
      const answer = await depths();
      this.reset();
      for (const { queue: name, waiting, active } of answer ?? []) {
        this.set({ queue: name, state: 'waiting' }, waiting);
        this.set({ queue: name, state: 'active' }, active);
      }
    },
  });
  new Gauge({
    name: 'weightfold_workers',
    help: 'Workers that live, by the backend they compute with.',
    labelNames: ['backend'],
    registers,
    async collect() {
      const answer = await workers();
      this.reset();
      // None is a figure too; where Redis is away it is not known.
      if (answer) for (const backend of COMPUTE_BACKENDS) this.set({ backend }, 0);
      for (const { compute } of answer ?? []) this.inc({ backend: compute.backend });
    },
  });
  new Gauge({
    name: 'weightfold_workers_wedged',
    help: 'Workers that live and cannot take a step: their compute processes give no sign of life.',
    registers,
    async collect() {
      const answer = await workers();
      this.reset();
      if (answer) this.set(answer.filter(({ state }) => state === 'wedged').length);
    },
  });
  new Gauge({
    name: 'weightfold_worker_running_jobs',
    help: 'Jobs whose steps a worker runs now.',
    labelNames: ['worker'],
    registers,
    async collect() {
      const answer = await workers();
      this.reset();
      for (const { name, jobs } of answer ?? []) this.set({ worker: name }, jobs.length);
    },
  });
  new Gauge({
    name: 'weightfold_worker_device_memory_bytes',
    help: 'Memory of the GPU of a worker that has one.',
    labelNames: ['worker', 'device'],
    registers,
    async collect() {
      const answer = await workers();
      this.reset();
      for (const { name, compute } of answer ?? [])
        if (compute.device_memory_bytes !== null)
          this.set({ worker: name, device: compute.device ?? '' }, compute.device_memory_bytes);
    },
  });
}

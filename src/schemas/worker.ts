import { z } from 'zod';
import { BACKENDS, byteCount, timestamp } from './common.js';
import { MachineSchema } from './machine.js';

/** What a worker may compute with. */
export const COMPUTE_BACKENDS = BACKENDS.filter((name) => name !== 'auto');

/** What a worker computes with. */
export const WorkerBackendSchema = z
  .strictObject({
    backend: z.enum(COMPUTE_BACKENDS).describe('Backend of its jobs, unless a job asks for another.'),
    reason: z.string().describe('Why this one, and what could not be used.'),
    library: z.string().describe('Library and version.'),
    device: z.string().nullable().describe('Name of the GPU; null on CPUs.'),
    device_memory_bytes: byteCount.nullable(),
    precisions: z.array(z.enum(['float32', 'float64'])).describe('Those the backend computes in by itself.'),
    host: z.string().nullable().describe('Library that computes the other precision on the host; null where none is.'),
    threads: z.number().int().min(1),
  })
  .meta({ id: 'WorkerBackend' });
export type WorkerBackend = z.infer<typeof WorkerBackendSchema>;

/** `wedged`: every slot is held by a compute process that gives no sign of life, or the worker takes no steps. */
export const WORKER_STATES = ['idle', 'busy', 'wedged'] as const;

export const WorkerSchema = z
  .strictObject({
    id: z.string(),
    object: z.literal('worker'),
    name: z.string().describe('As in a job’s worker: host and process id.'),
    host: z.string(),
    pid: z.number().int(),
    started_at: timestamp,
    last_seen_at: timestamp.describe('A worker that is silent for 15 seconds is no longer listed.'),
    state: z
      .enum(WORKER_STATES)
      .describe(
        'wedged: it cannot take a step, because its compute processes have given no sign of life for 30 seconds.',
      ),
    concurrency: z.number().int().min(1).describe('Jobs it takes at a time from each of its queues.'),
    serves: z.array(z.enum(BACKENDS)).describe('Values of compute.backend whose jobs it takes.'),
    compute: WorkerBackendSchema,
    speed: MachineSchema.nullable().describe('Measured right after the start; null until then.'),
    memory_bytes: byteCount.describe('Memory of the machine, or what its container may use of it.'),
    versions: z.record(z.string(), z.string()),
    jobs: z.array(z.string()).describe('Jobs it runs now.'),
  })
  .meta({ id: 'Worker', description: 'A worker that is connected to the queue.' });
export type Worker = z.infer<typeof WorkerSchema>;

export const WorkerListSchema = z
  .strictObject({ object: z.literal('list'), data: z.array(WorkerSchema) })
  .meta({ id: 'WorkerList' });

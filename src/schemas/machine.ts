import { z } from 'zod';

const rate = z.number().positive();

/** How fast a backend is, measured by each worker when it starts, and again once its machine is idle; what time estimates are made from. */
export const MachineSchema = z
  .strictObject({
    float32_flops_per_s: rate.describe('Matrix products, 2·m·n·k flops each.'),
    float64_flops_per_s: rate,
    eigen_cubic_s: rate.describe('An eigenproblem of order n takes cubic·n³ + square·n² seconds.'),
    eigen_square_s: rate,
    elements_per_s: rate.describe(
      'Passes over matrices in the host’s memory, each into a new one: sums, copies, conversions.',
    ),
    read_bytes_per_s: rate.describe('Files, from the page cache.'),
    write_bytes_per_s: rate.describe('Files: hashed, written and synced.'),
  })
  .meta({ id: 'Machine', description: 'Speed of a worker’s backend.' });
export type Machine = z.infer<typeof MachineSchema>;

/** Two AVX-512 cores with OpenBLAS, where no worker has said anything. */
export const DEFAULT_MACHINE: Machine = {
  float32_flops_per_s: 1.8e11,
  float64_flops_per_s: 9e10,
  eigen_cubic_s: 1.8e-10,
  eigen_square_s: 1e-7,
  elements_per_s: 3e8,
  read_bytes_per_s: 2e9,
  write_bytes_per_s: 4e8,
};

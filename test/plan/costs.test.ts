import { describe, expect, it } from 'vitest';
import { flopsOf, secondsOf, total, work } from '../../src/costs/work.js';
import { machineFor } from '../../src/jobs/machine-for.js';
import { DEFAULT_MACHINE, type Machine } from '../../src/schemas/machine.js';
import type { Worker } from '../../src/schemas/worker.js';
import { chainShapes, layers, planOf } from './headers.js';

const machine: Machine = {
  float32_flops_per_s: 100,
  float64_flops_per_s: 50,
  eigen_cubic_s: 0.001,
  eigen_square_s: 0.01,
  elements_per_s: 10,
  read_bytes_per_s: 20,
  write_bytes_per_s: 5,
};

describe('time', () => {
  it('is the work of every kind over the machine’s rate for it', () => {
    const all = total([
      work({ float32: 300, eigen: [10] }),
      work({ float64: 100, elements: 40, readBytes: 60, writtenBytes: 10 }),
    ]);
    // 3 + (0.001·1000 + 0.01·100) + 2 + 4 + 3 + 2
    expect(secondsOf(all, 0, machine)).toBeCloseTo(16, 12);
    expect(flopsOf(all)).toBe(300 + 100 + 9 * 1000);
  });

  it('counts a notebook-like layer by hand: Gram, eigenproblem, fold', () => {
    const shapes = chainShapes([1000, 512, 1000]);
    const { costs } = planOf([shapes, shapes], { model: { family: 'chain', layers: layers([768, undefined]) } });
    const bytes = 4 * 2 * (512 * 1000 + 1000 * 512);
    expect(costs.bytes_read).toBe(bytes);
    // W_0′ [768, 2000], W_1′ [2000, 768], and E, F of two blocks of 512 × 384
    expect(costs.bytes_written).toBe(4 * (2 * 768 * 2000 + 2 * 2 * 512 * 384));
    // at the least: two Grams, two eigenproblems of order 512, the two products of each source
    const least = 2 * (512 ** 2 * 1000 + 9 * 512 ** 3 + 2 * 2 * 384 * 512 * 1000);
    expect(costs.flops).toBeGreaterThan(least);
    expect(costs.flops).toBeLessThan(4 * least);
  });
});

describe('memory', () => {
  it('grows with the square of the width, and holds the process itself', () => {
    const of = (d: number) => {
      const shapes = chainShapes([d, d, d]);
      return planOf([shapes, shapes], { model: { family: 'chain', layers: layers([d, undefined]) } }).costs
        .peak_memory_bytes;
    };
    expect(of(16)).toBeGreaterThan(50e6);
    expect((of(8192) - of(16)) / (of(4096) - of(16))).toBeCloseTo(4, 0);
  });
});

describe('the machine', () => {
  const worker = (name: string, speed: number, serves: Worker['serves'] = ['auto', 'cpu']) =>
    ({
      name,
      serves,
      compute: { backend: 'cpu', device: null, library: 'BLAS' },
      speed: { ...machine, float32_flops_per_s: speed },
    }) as unknown as Worker;

  it('is the slowest worker that may take the job', () => {
    const workers = [worker('fast', 9), worker('slow', 3), worker('other', 1, ['cuda'])];
    expect(machineFor('auto', workers)).toMatchObject({
      machine: { float32_flops_per_s: 3 },
      name: 'worker slow: cpu, BLAS',
    });
  });

  it('is a usual one where no worker is known, and the plan says so', () => {
    const found = machineFor('cuda', [worker('fast', 9)]);
    expect(found.machine).toBe(DEFAULT_MACHINE);
    expect(found.name).toContain('no live worker');
  });
});

import type { Machine } from '../schemas/machine.js';

/** What a step does, in the units a machine has rates for. */
export interface Work {
  /** Flops of matrix products: 2·m·n·k, half of that where the result is symmetric. */
  float32: number;
  float64: number;
  /** Orders of symmetric eigenproblems solved one after the other on all cores. */
  eigen: number[];
  /** Elements passed over on the host, each pass counted. */
  elements: number;
  readBytes: number;
  writtenBytes: number;
}

/** Markers, progress and syncs of one step, and its way through the queue. */
const STEP_SECONDS = 0.05;

export const work = (parts: Partial<Work> = {}): Work => ({
  float32: 0,
  float64: 0,
  eigen: [],
  elements: 0,
  readBytes: 0,
  writtenBytes: 0,
  ...parts,
});

export const total = (list: readonly Work[]): Work => ({
  float32: sum(list.map((w) => w.float32)),
  float64: sum(list.map((w) => w.float64)),
  eigen: list.flatMap((w) => w.eigen),
  elements: sum(list.map((w) => w.elements)),
  readBytes: sum(list.map((w) => w.readBytes)),
  writtenBytes: sum(list.map((w) => w.writtenBytes)),
});

/** 9·n³ flops is what an eigendecomposition with vectors takes. */
export const flopsOf = ({ float32, float64, eigen }: Work) => float32 + float64 + sum(eigen.map((n) => 9 * n ** 3));

export const secondsOf = (w: Work, steps: number, machine: Machine): number =>
  w.float32 / machine.float32_flops_per_s +
  w.float64 / machine.float64_flops_per_s +
  sum(w.eigen.map((n) => machine.eigen_cubic_s * n ** 3 + machine.eigen_square_s * n ** 2)) +
  w.elements / machine.elements_per_s +
  w.readBytes / machine.read_bytes_per_s +
  w.writtenBytes / machine.write_bytes_per_s +
  steps * STEP_SECONDS;

export const sum = (values: readonly number[]) => values.reduce((all, value) => all + value, 0);
export const product = (values: readonly number[]) => values.reduce((all, value) => all * value, 1);

import type { Plan } from '../schemas/plan.js';

type Costs = Plan['costs'];

/** Costs of a comparison: its points one after the other. No weights are published. */
export function comparisonCosts(points: readonly Costs[]): Costs {
  const sum = (of: (costs: Costs) => number) => points.reduce((total, costs) => total + of(costs), 0);
  return {
    bytes_read: sum((c) => c.bytes_read),
    bytes_written: sum((c) => c.bytes_written),
    peak_memory_bytes: Math.max(...points.map((c) => c.peak_memory_bytes)),
    flops: sum((c) => c.flops),
    estimated_seconds: sum((c) => c.estimated_seconds),
  };
}

import type { StepPlan } from '../../src/schemas/plan.js';
import type { Stopwatch } from './stopwatch.js';

/** What one step took; kept in its marker, because steps of one merge run in many processes. */
export interface StepTimings {
  /** Epoch, ms. */
  started_at: number;
  /** Seconds per activity: read, write, and the step's own phase for the rest. */
  seconds: Record<string, number>;
  /** Of the process that ran it, so far. */
  peak_memory_bytes: number;
}

/** Timings of a whole merge, s, and the most memory one of its processes took. */
export interface MergeTimings {
  timings: Record<'read_s' | 'basis_s' | 'fold_s' | 'evaluate_s' | 'write_s' | 'total_s', number>;
  peak_memory_bytes: number;
}

const IO = ['read', 'write'] as const;

/** Measure a step from now on; ask whenever it has finished. */
export function measureStep({ phase }: StepPlan, watch: Stopwatch): () => StepTimings {
  const started = Date.now();
  const from = performance.now();
  const before = IO.map((activity) => watch.get(activity));
  return () => {
    const [read, write] = IO.map((activity, i) => watch.get(activity) - before[i]);
    const own = (performance.now() - from) / 1000 - read - write;
    return {
      started_at: started,
      seconds: { read, write, [phase]: own },
      peak_memory_bytes: process.resourceUsage().maxRSS * 1024,
    };
  };
}

/** Activities summed over its steps; in all, from its first step's start to now. */
export function totalTimings(steps: readonly StepTimings[]): MergeTimings {
  const sum = (activity: string) => steps.reduce((total, { seconds }) => total + (seconds[activity] ?? 0), 0);
  const first = Math.min(...steps.map(({ started_at }) => started_at));
  return {
    timings: {
      read_s: sum('read'),
      basis_s: sum('basis'),
      fold_s: sum('fold'),
      evaluate_s: sum('evaluate'),
      write_s: sum('write'),
      total_s: (Date.now() - first) / 1000,
    },
    peak_memory_bytes: Math.max(...steps.map(({ peak_memory_bytes }) => peak_memory_bytes)),
  };
}

import type { Metrics } from '../schemas/metrics.js';

const PARTS = [
  ['read_s', 'read'],
  ['basis_s', 'bases'],
  ['fold_s', 'fold'],
  ['evaluate_s', 'evaluate'],
  ['write_s', 'write'],
] as const;

/** Less of the whole is not worth a line. */
const LEAST_WAIT = 0.02;

export interface TimePart {
  name: string;
  seconds: number;
  /** Nothing of this merge was at work. */
  idle: boolean;
}

/**
 * Where the time went, parts that took none left out. What no step accounts for was spent between steps: in the queue,
 * behind steps of other jobs, until processes had started. Where workers share a merge, parts add up to more than the whole.
 */
export function timeParts(timings: Metrics['timings']): TimePart[] {
  const parts = PARTS.map(([part, name]): TimePart => ({ name, seconds: timings[part], idle: false })).filter(
    ({ seconds }) => seconds > 0,
  );
  const waited = timings.total_s - parts.reduce((sum, { seconds }) => sum + seconds, 0);
  return waited > LEAST_WAIT * timings.total_s
    ? [...parts, { name: 'between steps', seconds: waited, idle: true }]
    : parts;
}

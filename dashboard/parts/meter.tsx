import type { Job } from '../api/types.js';

/** How far a job is; a bar that says so in words too. */
export function Meter({ job }: { job: Pick<Job, 'status' | 'progress'> }) {
  const { fraction, phase } = job.progress;
  const share = job.status === 'succeeded' ? 1 : fraction;
  return (
    <progress
      class={`meter ${job.status}`}
      value={share}
      max={1}
      aria-label={`${phase}, ${Math.round(share * 100)} %`}
    />
  );
}

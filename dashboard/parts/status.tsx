import type { JobStatus } from '../api/types.js';

/** One sign per status, of its own shape: colour is never the only difference. */
const SIGNS: Record<JobStatus, string> = {
  queued: 'M8 2.5a5.5 5.5 0 1 0 0 11a5.5 5.5 0 1 0 0-11zM8 5v3.2l2 1.3',
  running: 'M8 2.5a5.5 5.5 0 1 1-5.5 5.5',
  succeeded: 'M3 8.5l3.2 3.2L13 4.8',
  failed: 'M4 4l8 8M12 4l-8 8',
  cancelled: 'M8 2.5a5.5 5.5 0 1 0 0 11a5.5 5.5 0 1 0 0-11zM4.3 4.3l7.4 7.4',
};

export function Status({ status }: { status: JobStatus }) {
  return (
    <span class={`status ${status}`}>
      <svg
        viewBox="0 0 16 16"
        aria-hidden="true"
        fill="none"
        stroke="currentColor"
        stroke-width="2"
        stroke-linecap="round"
      >
        <path d={SIGNS[status]} />
      </svg>
      {status}
    </span>
  );
}

export const isTerminal = (status: JobStatus) => status !== 'queued' && status !== 'running';

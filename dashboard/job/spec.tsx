import type { Job } from '../api/types.js';
import { Code } from '../parts/code.js';

/** The spec as it was accepted, defaults filled in. */
export function Spec({ job }: { job: Job }) {
  return (
    <details class="card" open={job.status === 'failed' || job.status === 'cancelled'}>
      <summary>
        <h2>Spec</h2>
      </summary>
      <div class="body">
        <Code label="Spec of the job" text={JSON.stringify(job.spec, null, 2)} />
      </div>
    </details>
  );
}

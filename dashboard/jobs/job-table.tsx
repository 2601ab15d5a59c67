import type { Job } from '../api/types.js';
import { Ago, Took } from '../parts/ago.js';
import { Labels } from '../parts/labels.js';
import { Meter } from '../parts/meter.js';
import { isTerminal, Status } from '../parts/status.js';
import { familyOf, sourcesOf, titleOf } from './family-of.js';

/** One line per job; on narrow pages each line becomes a block. */
export function JobTable({ jobs }: { jobs: readonly Job[] }) {
  return (
    <div class="card">
      <table class="jobs" aria-label="Jobs">
        <thead>
          <tr>
            <th scope="col">Status</th>
            <th scope="col">Name</th>
            <th scope="col">Family</th>
            <th scope="col">Progress</th>
            <th scope="col" class="number">
              Took
            </th>
            <th scope="col" class="number">
              Submitted
            </th>
          </tr>
        </thead>
        <tbody>
          {jobs.map((job) => (
            <JobRow key={job.id} job={job} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function JobRow({ job }: { job: Job }) {
  const named = job.name !== null;
  return (
    <tr>
      <td>
        <Status status={job.status} />
      </td>
      <th scope="row">
        <a href={`#/jobs/${job.id}`}>{titleOf(job)}</a>
        {named && <span class="sources quiet small">{[...new Set(sourcesOf(job.spec))].join(' + ')}</span>}
        <Labels labels={job.labels} />
      </th>
      <td class="family">{familyOf(job.spec)}</td>
      <td class="progress">
        <Progress job={job} />
      </td>
      <td class="number took">
        <Took from={job.started_at} to={job.finished_at} />
      </td>
      <td class="number">
        <Ago at={job.created_at} />
      </td>
    </tr>
  );
}

function Progress({ job }: { job: Job }) {
  if (job.status === 'failed') return <code class="small bad-text">{job.error?.code}</code>;
  if (job.status === 'queued' && job.waiting_for)
    return (
      <span class="small warn-text" title={job.waiting_for}>
        no worker with {job.spec.compute.backend}
      </span>
    );
  if (job.status === 'queued' && job.progress.fraction === 0)
    return <span class="small quiet">waiting for a worker</span>;
  if (isTerminal(job.status))
    return <span class="small quiet">{job.status === 'succeeded' ? `${job.progress.total} steps` : '–'}</span>;
  return (
    <>
      <Meter job={job} />
      {!isTerminal(job.status) && (
        <span class="small quiet">
          {job.progress.phase} {job.progress.completed}/{job.progress.total}
          {job.cancel_requested && ', stopping'}
        </span>
      )}
    </>
  );
}

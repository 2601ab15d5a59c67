import { useState } from 'preact/hooks';
import { RequestError } from '../api/client.js';
import { titleOf } from '../jobs/family-of.js';
import { Labels } from '../parts/labels.js';
import { NotFound } from '../parts/not-found.js';
import { ProblemNotice } from '../parts/problem-notice.js';
import { Status } from '../parts/status.js';
import { useTitle } from '../parts/use-title.js';
import { Artifacts } from './artifacts.js';
import { Facts } from './facts.js';
import { JobActions } from './job-actions.js';
import { Log } from './log.js';
import { PlanOfJob } from './plan-of-job.js';
import { Progress } from './progress.js';
import { Results } from './results.js';
import { Spec } from './spec.js';
import { useJob } from './use-job.js';

/** Everything about one job. */
export function JobPage({ id }: { id: string }) {
  const { job, error, events, link, refresh } = useJob(id);
  const [refused, setRefused] = useState<Error>();
  useTitle(job ? titleOf(job) : 'Job');
  if (error instanceof RequestError && error.status === 404) return <NotFound what={error.message} />;
  if (error instanceof RequestError && error.status === 400) return <NotFound what={`“${id}” is no id of a job.`} />;
  if (!job)
    return error ? (
      <ProblemNotice title="The job could not be loaded." error={error} again />
    ) : (
      <div class="skeleton" role="status" aria-label="Loading the job" />
    );
  const succeeded = job.status === 'succeeded';
  return (
    <>
      <div class="head">
        <div>
          <h1>{titleOf(job)}</h1>
          <p class="row job-line">
            <Status status={job.status} />
            <code class="quiet">{job.id}</code>
            <Labels labels={job.labels} />
          </p>
        </div>
        <JobActions job={job} onChanged={refresh} onRefused={setRefused} />
      </div>
      {refused && <ProblemNotice title="That did not work." error={refused} />}
      {error && <ProblemNotice title="The job could not be loaded anew: this is how it was." error={error} again />}
      {job.error && <ProblemNotice title="The job failed." error={job.error} />}
      {job.waiting_for && (
        <p class="notice warn">
          <strong>Waits for:</strong> {job.waiting_for}
        </p>
      )}
      {job.status === 'cancelled' && <p class="notice">Cancelled: nothing was published.</p>}
      {job.cancel_requested && !job.finished_at && <p class="notice">Stopping: the job was cancelled.</p>}
      <div class="columns">
        <div>
          {!job.finished_at && <Progress job={job} link={link} />}
          {succeeded ? <Results job={job} /> : <PlanOfJob job={job} />}
          <Spec job={job} />
        </div>
        <div>
          <Facts job={job} />
          {succeeded && <Artifacts id={job.id} />}
          <Log events={events} link={link} />
        </div>
      </div>
    </>
  );
}

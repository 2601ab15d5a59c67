import { useState } from 'preact/hooks';
import { api, dataOf } from '../api/client.js';
import { openReport } from '../api/download.js';
import type { Job } from '../api/types.js';
import { navigate } from '../hash-location.js';
import { Confirm } from '../parts/confirm.js';
import { isTerminal } from '../parts/status.js';

interface Actions {
  job: Job;
  onChanged: () => void;
  onRefused: (error: Error | undefined) => void;
}

const QUESTIONS = {
  cancel: {
    title: 'Cancel this job?',
    text: 'It stops within a second and publishes nothing. It can be run again later.',
    action: 'Cancel the job',
  },
  delete: {
    title: 'Delete this job?',
    text: 'Its record, metrics and merged weights are removed. This cannot be undone.',
    action: 'Delete the job',
  },
};

/** What can be done with a job in its state. */
export function JobActions({ job, onChanged, onRefused }: Actions) {
  const [asking, setAsking] = useState<keyof typeof QUESTIONS>();
  const path = { params: { path: { id: job.id } } };
  const attempt = async (action: () => Promise<void>) => {
    onRefused(undefined);
    await action().catch(onRefused);
  };
  const cancel = () =>
    attempt(async () => {
      await dataOf(api.POST('/v1/jobs/{id}/cancel', path));
      onChanged();
    });
  const retry = () =>
    attempt(async () => {
      const { id } = await dataOf(api.POST('/v1/jobs/{id}/retry', path));
      navigate(`/jobs/${id}`);
    });
  const remove = () =>
    attempt(async () => {
      await dataOf(api.DELETE('/v1/jobs/{id}', path));
      navigate('/jobs');
    });
  return (
    <div class="actions">
      {job.status === 'succeeded' && (
        <button type="button" onClick={() => attempt(() => openReport(job.id))}>
          Report
        </button>
      )}
      <a class="button" href={`#/new?from=${job.id}`} title="A new job that starts from this spec">
        Change and run
      </a>
      {isTerminal(job.status) ? (
        <>
          <button type="button" onClick={retry} title="A new job with the same spec">
            {job.status === 'succeeded' ? 'Run again' : 'Retry'}
          </button>
          <button type="button" class="danger" onClick={() => setAsking('delete')}>
            Delete
          </button>
        </>
      ) : (
        <button type="button" class="danger" disabled={job.cancel_requested} onClick={() => setAsking('cancel')}>
          Cancel
        </button>
      )}
      {asking && (
        <Confirm
          {...QUESTIONS[asking]}
          onConfirm={asking === 'cancel' ? cancel : remove}
          onClose={() => setAsking(undefined)}
        />
      )}
    </div>
  );
}

import { useSearchParams } from 'wouter-preact';
import { api, tagged } from '../api/client.js';
import type { JobStatus } from '../api/types.js';
import { usePolled } from '../api/use-polled.js';
import { ProblemNotice } from '../parts/problem-notice.js';
import { useTitle } from '../parts/use-title.js';
import { Filters } from './filters.js';
import { FirstSteps } from './first-steps.js';
import { JobTable } from './job-table.js';

const POLL_MS = 2_000;
const PAGE_SIZE = 25;

/** All jobs, newest first; filters and page are in the address. */
export function JobsPage() {
  useTitle('Jobs');
  const [query] = useSearchParams();
  const filter = {
    status: query.get('status') as JobStatus | null,
    label: query.get('label'),
    after: query.get('after'),
  };
  const [labelKey, ...labelValue] = (filter.label ?? '').split('=');
  const { data, error } = usePolled(
    `jobs?${query}`,
    (signal) =>
      tagged(
        api.GET('/v1/jobs', {
          signal,
          params: {
            query: {
              limit: PAGE_SIZE,
              ...(filter.status && { status: filter.status }),
              ...(filter.after && { after: filter.after }),
              ...(labelKey && { [`label.${labelKey}`]: labelValue.join('=') }),
            },
          },
        }),
      ),
    POLL_MS,
  );
  const filtered = Boolean(filter.status || filter.label || filter.after);
  const none = data?.data.length === 0;
  const fresh = none && !filtered;
  return (
    <>
      <div class="head">
        <h1>Jobs</h1>
        {!fresh && (
          <div class="actions">
            <a class="button primary" href="#/new">
              New merge
            </a>
          </div>
        )}
      </div>
      {!fresh && <Filters status={filter.status} label={filter.label} />}
      {error && (
        <ProblemNotice
          title={data ? 'The list could not be loaded anew: this is how it was.' : 'The list could not be loaded.'}
          error={error}
          again
        />
      )}
      {!data && !error && <div class="skeleton" role="status" aria-label="Loading jobs" />}
      {data && !none && <JobTable jobs={data.data} />}
      {none && (fresh ? <FirstSteps /> : <NoneMatch />)}
      {data && (filter.after || data.has_more) && (
        <nav class="row pages" aria-label="Pages of the list">
          {filter.after && (
            <>
              <a class="button" href={routeWith(query, null)}>
                Newest
              </a>
              <button type="button" onClick={() => history.back()}>
                Back
              </button>
            </>
          )}
          {data.has_more && data.last_id && (
            <a class="button" href={routeWith(query, data.last_id)}>
              Older
            </a>
          )}
        </nav>
      )}
    </>
  );
}

function routeWith(query: URLSearchParams, after: string | null): string {
  const next = new URLSearchParams(query);
  if (after) next.set('after', after);
  else next.delete('after');
  return `#/jobs?${next}`;
}

function NoneMatch() {
  return (
    <div class="card empty">
      <p>No job matches.</p>
      <p>
        <a href="#/jobs">Show all jobs</a>
      </p>
    </div>
  );
}

import type { ComponentChildren } from 'preact';
import { dateTime } from '../../src/format/times.js';
import type { Job } from '../api/types.js';
import { familyOf, sourcesOf } from '../jobs/family-of.js';
import { Ago, Took } from '../parts/ago.js';

/** What the record says about a job, beside its results. */
export function Facts({ job }: { job: Job }) {
  const { spec } = job;
  return (
    <section class="card" aria-labelledby="facts">
      <header>
        <h2 id="facts">Job</h2>
      </header>
      <dl class="body pairs">
        <Fact name="Family">{familyOf(spec)}</Fact>
        <Fact name="Sources">
          {sourcesOf(spec).map((source, n) => (
            <div key={n}>
              {'checkpoint' in spec.sources[n] ? <a href={`#/checkpoints/${source}`}>{source}</a> : source}
              {slicesOf(spec.sources[n])}
            </div>
          ))}
        </Fact>
        <Fact name="Submitted">
          {dateTime(job.created_at)}{' '}
          <span class="quiet">
            (<Ago at={job.created_at} />)
          </span>
        </Fact>
        {job.started_at && <Fact name="Started">{dateTime(job.started_at)}</Fact>}
        {job.finished_at && <Fact name="Ended">{dateTime(job.finished_at)}</Fact>}
        {job.started_at && (
          <Fact name="Took">
            <Took from={job.started_at} to={job.finished_at} />
          </Fact>
        )}
        {job.attempt > 0 && <Fact name="Attempt">{job.attempt}</Fact>}
        {job.worker && <Fact name="Worker">{job.worker}</Fact>}
        {spec.priority > 0 && <Fact name="Priority">{spec.priority}</Fact>}
        {job.retry_of && (
          <Fact name="Retry of">
            <a href={`#/jobs/${job.retry_of}`}>
              <code>{job.retry_of}</code>
            </a>
          </Fact>
        )}
      </dl>
    </section>
  );
}

export function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function slicesOf({ columns, rows }: Job['spec']['sources'][number]): string {
  const parts = [columns && `columns ${columns[0]}–${columns[1]}`, rows && `rows ${rows[0]}–${rows[1]}`].filter(
    Boolean,
  );
  return parts.length > 0 ? ` (${parts.join(', ')})` : '';
}

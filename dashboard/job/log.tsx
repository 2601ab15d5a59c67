import { clock, dateTime } from '../../src/format/times.js';
import type { JobEvent } from '../api/types.js';
import type { Link } from './use-job.js';

/** Lines shown at once, the newest. */
const SHOWN = 200;

/** The job's events, newest last. Runs of progress in one phase are one line. */
export function Log({ events, link }: { events: readonly JobEvent[]; link: Link }) {
  const lines = linesOf(events).slice(-SHOWN);
  return (
    <section class="card" aria-labelledby="log">
      <header>
        <h2 id="log">Log</h2>
        <span class="quiet small">{link === 'live' ? 'live' : ''}</span>
      </header>
      {lines.length === 0 ? (
        <p class="body quiet">{link === 'connecting' ? 'Loading …' : 'No events.'}</p>
      ) : (
        <ol class="log">
          {lines.map((event) => (
            <li key={event.id}>
              <time dateTime={event.created_at} title={dateTime(event.created_at)} class="quiet">
                {clock(event.created_at)}
              </time>
              <span class={event.type === 'job.failed' || event.type === 'job.retrying' ? 'bad-text' : ''}>
                {textOf(event)}
              </span>
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}

function linesOf(events: readonly JobEvent[]): JobEvent[] {
  return events.filter((event, n) => {
    const next = events[n + 1];
    const repeated = next?.type === 'job.progress' && next.data.progress.phase === event.data.progress.phase;
    return event.type !== 'job.progress' || !repeated;
  });
}

function textOf({ type, data }: JobEvent): string {
  const { phase, completed, total } = data.progress;
  switch (type) {
    case 'job.queued':
      return 'queued';
    case 'job.running':
      return `running${data.worker ? ` on ${data.worker}` : ''}, attempt ${data.attempt}`;
    case 'job.progress':
      return `${phase}: ${completed} of ${total} steps`;
    case 'job.retrying':
      return `trying again: ${data.error?.message ?? data.message ?? 'an attempt failed'}`;
    case 'job.failed':
      return `failed: ${data.error?.message ?? data.message ?? ''}`;
    default:
      return type.replace('job.', '');
  }
}

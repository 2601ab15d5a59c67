import type { Job } from '../api/types.js';
import { Meter } from '../parts/meter.js';
import type { Link } from './use-job.js';

const PHASES: { phase: Job['progress']['phase']; title: string }[] = [
  { phase: 'planning', title: 'Plan' },
  { phase: 'basis', title: 'Bases' },
  { phase: 'fold', title: 'Fold' },
  { phase: 'evaluate', title: 'Evaluate' },
  { phase: 'publish', title: 'Publish' },
];

const LINKS: Record<Link, string> = {
  connecting: 'connecting …',
  live: 'live',
  lost: 'connection lost; trying again',
  ended: '',
};

/** The phases of a job that has not ended, and how far it is. */
export function Progress({ job, link }: { job: Job; link: Link }) {
  const { phase, completed, total, fraction } = job.progress;
  const at = job.status === 'queued' ? -1 : PHASES.findIndex((each) => each.phase === phase);
  return (
    <section class="card" aria-labelledby="progress">
      <header>
        <h2 id="progress">Progress</h2>
        <span class="quiet small">{LINKS[link]}</span>
      </header>
      <div class="body stack">
        <ol class="phases">
          {PHASES.map((each, n) => (
            <li
              key={each.phase}
              class={n < at ? 'done' : n === at ? 'now' : ''}
              aria-current={n === at ? 'step' : undefined}
            >
              {each.title}
            </li>
          ))}
        </ol>
        <Meter job={job} />
        <p class="row small quiet">
          <span>{job.status === 'queued' ? 'Waiting for a worker' : `${completed} of ${total} steps`}</span>
          <span class="end">{Math.round(fraction * 100)} %</span>
        </p>
      </div>
    </section>
  );
}

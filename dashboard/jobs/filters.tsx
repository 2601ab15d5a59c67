import { useEffect, useState } from 'preact/hooks';
import type { JobStatus } from '../api/types.js';
import { navigate } from '../hash-location.js';

const STATUSES: (JobStatus | null)[] = [null, 'queued', 'running', 'succeeded', 'failed', 'cancelled'];

/** By status and by label; each change is an address of its own. */
export function Filters({ status, label }: { status: JobStatus | null; label: string | null }) {
  const [text, setText] = useState(label ?? '');
  useEffect(() => setText(label ?? ''), [label]);
  const wrong = text !== '' && !/^[^=]+=/.test(text);
  const apply = (event: Event) => {
    event.preventDefault();
    if (!wrong) navigate(routeOf(status, text || null));
  };
  return (
    <div class="row filters">
      <nav class="tabs" aria-label="Status">
        {STATUSES.map((each) => (
          <a key={each} href={`#${routeOf(each, label)}`} aria-current={each === status ? 'true' : undefined}>
            {each ?? 'all'}
          </a>
        ))}
      </nav>
      <search>
        <form class="row" onSubmit={apply}>
          <label>
            <span class="visually-hidden">Label, as key=value</span>
            <input
              value={text}
              placeholder="label: team=nlp"
              aria-invalid={wrong}
              aria-describedby={wrong ? 'label-rule' : undefined}
              onInput={(event) => setText(event.currentTarget.value)}
            />
          </label>
          <button type="submit" disabled={wrong}>
            Filter
          </button>
          {wrong && (
            <span id="label-rule" class="small problem">
              key=value
            </span>
          )}
          {label && <a href={`#${routeOf(status, null)}`}>Clear label</a>}
        </form>
      </search>
    </div>
  );
}

/** The list with these filters, from its first page. */
export function routeOf(status: string | null, label: string | null): string {
  const query = new URLSearchParams({ ...(status && { status }), ...(label && { label }) });
  return query.size > 0 ? `/jobs?${query}` : '/jobs';
}

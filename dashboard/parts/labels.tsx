import { routeOf } from '../jobs/filters.js';

/** Labels of a job, each a link to the jobs that share it. */
export function Labels({ labels }: { labels: Record<string, string> }) {
  const entries = Object.entries(labels);
  if (entries.length === 0) return null;
  return (
    <span class="labels">
      {entries.map(([key, value]) => (
        <a key={key} class="tag" href={`#${routeOf(null, `${key}=${value}`)}`}>
          {key}={value}
        </a>
      ))}
    </span>
  );
}

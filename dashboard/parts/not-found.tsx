import { useTitle } from './use-title.js';

export function NotFound({ what = 'There is no such page.' }: { what?: string }) {
  useTitle('Not found');
  return (
    <div class="empty">
      <h1>Not found</h1>
      <p class="quiet">{what}</p>
      <p>
        <a href="#/jobs">All jobs</a>
      </p>
    </div>
  );
}

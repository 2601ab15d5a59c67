import { useTitle } from './use-title.js';

interface Missing {
  what?: string;
  /** The list in which it could be. */
  list?: 'jobs' | 'checkpoints';
}

export function NotFound({ what = 'There is no such page.', list = 'jobs' }: Missing) {
  useTitle('Not found');
  return (
    <div class="empty">
      <h1>Not found</h1>
      <p class="quiet">{what}</p>
      <p>
        <a href={`#/${list}`}>All {list}</a>
      </p>
    </div>
  );
}

import { useSyncExternalStore } from 'preact/compat';

/** Routes live after the `#`: a reload asks the server for the same page wherever one is, without a fallback there. */
const current = () => location.hash.replace(/^#/, '') || '/';

function subscribe(listener: () => void): () => void {
  addEventListener('hashchange', listener);
  return () => removeEventListener('hashchange', listener);
}

/** Go to a route, with its query: `/jobs?status=failed`. */
export function navigate(to: string, { replace = false } = {}): void {
  if (replace) location.replace(`#${to}`);
  else location.hash = to;
}

const pathOf = (route: string) => route.split('?')[0];
const queryOf = (route: string) => route.split('?')[1] ?? '';

/** For wouter: its own hash location puts the query before the `#`, where it outlives the page it belongs to. */
export const useHashLocation = (): [string, typeof navigate] => [
  pathOf(useSyncExternalStore(subscribe, current)),
  navigate,
];
export const useHashSearch = (): string => queryOf(useSyncExternalStore(subscribe, current));

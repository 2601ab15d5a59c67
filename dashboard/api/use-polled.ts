import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { session } from './session.js';

export interface Polled<T> {
  /** The last answer; stays while later requests fail. */
  data: T | undefined;
  /** Why the last request failed; undefined after one that did not. */
  error: Error | undefined;
  refresh: () => void;
}

type Load<T> = (signal: AbortSignal) => Promise<{ data: T; etag: string | null }>;

/**
 * What `load` gives, asked again every `everyMs` while the page is visible (0: once). `key` names what is loaded:
 * another key forgets the answer. The browser's cache revalidates by ETag; an unchanged answer draws nothing anew.
 */
export function usePolled<T>(key: string, load: Load<T>, everyMs: number): Polled<T> {
  const [state, setState] = useState<{ key: string; data?: T; error?: Error }>({ key });
  const [turn, setTurn] = useState(0);
  const latest = useRef(load);
  latest.current = load;
  const refresh = useCallback(() => setTurn((n) => n + 1), []);

  useEffect(() => {
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let etag: string | null = null;
    const ask = async () => {
      clearTimeout(timer);
      try {
        const answer = await latest.current(stop.signal);
        if (stop.signal.aborted) return;
        const same = etag !== null && answer.etag === etag;
        etag = answer.etag;
        setState((old) => (same && old.key === key && !old.error ? old : { key, data: answer.data }));
      } catch (error) {
        if (stop.signal.aborted) return;
        setState((old) => ({ key, data: old.key === key ? old.data : undefined, error: error as Error }));
      }
      if (everyMs > 0 && !document.hidden) timer = setTimeout(ask, everyMs);
    };
    const shown = () => {
      if (!document.hidden && everyMs > 0) void ask();
    };
    void ask();
    document.addEventListener('visibilitychange', shown);
    const unsubscribe = session.subscribe(() => session.get().refused || void ask());
    return () => {
      stop.abort();
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', shown);
      unsubscribe();
    };
  }, [key, everyMs, turn]);

  return state.key === key
    ? { data: state.data, error: state.error, refresh }
    : { data: undefined, error: undefined, refresh };
}

import { useEffect, useState } from 'preact/hooks';
import { api, dataOf, mayPass, type RequestError } from '../api/client.js';
import { session } from '../api/session.js';
import type { Plan } from '../api/types.js';
import type { JsonObject } from './json-path.js';

/** Typing goes on; the plan is asked for once it pauses this long. */
const PAUSE_MS = 400;
/** After a request that was not answered, or not let in. */
const RETRY_MS = 3_000;

export interface Planned {
  plan: Plan | undefined;
  error: RequestError | undefined;
  /** Whether plan and error are of an earlier spec. */
  stale: boolean;
}

/** The plan of a spec, made anew after each change: it reads headers only, so it may be asked for as often as one types. */
export function usePlan(spec: JsonObject): Planned {
  const text = JSON.stringify(spec);
  const [state, setState] = useState<{ text: string; plan?: Plan; error?: RequestError }>({ text: '' });
  const ready = Array.isArray(spec.sources) && spec.sources.length > 0 && spec.model !== undefined;
  useEffect(() => {
    if (!ready) return;
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout>;
    const ask = async () => {
      clearTimeout(timer);
      try {
        const plan = await dataOf(api.POST('/v1/jobs/plan', { body: JSON.parse(text), signal: stop.signal }));
        setState({ text, plan: plan as Plan });
      } catch (error) {
        if (stop.signal.aborted) return;
        setState({ text, error: error as RequestError });
        if (mayPass(error as Error)) timer = setTimeout(ask, RETRY_MS);
      }
    };
    timer = setTimeout(ask, PAUSE_MS);
    const unsubscribe = session.subscribe(() => session.get().refused || void ask());
    return () => {
      unsubscribe();
      clearTimeout(timer);
      stop.abort();
    };
  }, [text, ready]);
  if (!ready) return { plan: undefined, error: undefined, stale: false };
  return { plan: state.plan, error: state.error, stale: state.text !== text };
}

import { useEffect, useState } from 'preact/hooks';
import { api, dataOf, mayPass, tagged } from '../api/client.js';
import type { Checkpoint } from '../api/types.js';
import { usePolled } from '../api/use-polled.js';

const LIMIT = 1_000;
const POLL_MS = 5_000;
const RETRY_MS = 3_000;

/** Names of all checkpoints, undefined until they are known, and why they are not. */
export function useCheckpointNames(): { names: string[] | undefined; error: Error | undefined } {
  const { data, error } = usePolled(
    'checkpoint names',
    (signal) => tagged(api.GET('/v1/checkpoints', { signal, params: { query: { limit: LIMIT } } })),
    POLL_MS,
  );
  return { names: data?.data.map(({ name }) => name), error };
}

const known = new Map<string, Promise<Checkpoint>>();

/** Contents of checkpoints by name, each asked for once, again where that may help; a name that is none is left out. */
export function useCheckpoints(names: readonly string[]): Record<string, Checkpoint> {
  const [found, setFound] = useState<Record<string, Checkpoint>>({});
  const key = [...new Set(names)].sort().join('/');
  useEffect(() => {
    const timers = new Set<ReturnType<typeof setTimeout>>();
    let gone = false;
    const ask = async (name: string) => {
      const asked = known.get(name) ?? dataOf(api.GET('/v1/checkpoints/{name}', { params: { path: { name } } }));
      known.set(name, asked);
      try {
        const checkpoint = await asked;
        if (!gone) setFound((old) => ({ ...old, [name]: checkpoint }));
      } catch (error) {
        known.delete(name);
        if (!gone && mayPass(error as Error)) timers.add(setTimeout(ask, RETRY_MS, name));
      }
    };
    for (const name of key.split('/').filter(Boolean)) void ask(name);
    return () => {
      gone = true;
      timers.forEach(clearTimeout);
    };
  }, [key]);
  return found;
}

/** Forget what is known: checkpoints may have changed since the form was last open. */
export const forgetCheckpoints = () => known.clear();

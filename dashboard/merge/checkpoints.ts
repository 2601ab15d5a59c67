import { useEffect, useState } from 'preact/hooks';
import { api, dataOf } from '../api/client.js';
import type { Checkpoint } from '../api/types.js';

const LIMIT = 1_000;

/** Names of all checkpoints; undefined until they are known. */
export function useCheckpointNames(): string[] | undefined {
  const [names, setNames] = useState<string[]>();
  useEffect(() => {
    dataOf(api.GET('/v1/checkpoints', { params: { query: { limit: LIMIT } } })).then(
      ({ data }) => setNames(data.map(({ name }) => name)),
      () => setNames([]),
    );
  }, []);
  return names;
}

const known = new Map<string, Promise<Checkpoint | undefined>>();

/** Contents of checkpoints by name, each asked for once; a name that is none is left out. */
export function useCheckpoints(names: readonly string[]): Record<string, Checkpoint> {
  const [found, setFound] = useState<Record<string, Checkpoint>>({});
  const key = [...new Set(names)].sort().join('/');
  useEffect(() => {
    for (const name of key.split('/').filter(Boolean)) {
      const asked =
        known.get(name) ??
        dataOf(api.GET('/v1/checkpoints/{name}', { params: { path: { name } } })).catch(() => undefined);
      known.set(name, asked);
      void asked.then((checkpoint) => {
        if (checkpoint) setFound((old) => ({ ...old, [name]: checkpoint }));
        else known.delete(name);
      });
    }
  }, [key]);
  return found;
}

/** Forget what is known: checkpoints may have changed since the form was last open. */
export const forgetCheckpoints = () => known.clear();

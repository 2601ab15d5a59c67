import { api, RequestError } from '../api/client.js';
import type { Readiness } from '../api/types.js';
import { usePolled } from '../api/use-polled.js';

const POLL_MS = 3_000;

/** Whether the service can take jobs, and how much waits. 503 carries the same content: what does not work. */
export const useReadiness = () =>
  usePolled(
    'readiness',
    async (signal) => {
      const { data, error, response } = await api.GET('/readyz', { signal });
      if (!data && response.status !== 503) throw new RequestError(response.status, undefined);
      return { data: (data ?? error) as Readiness, etag: null };
    },
    POLL_MS,
  );

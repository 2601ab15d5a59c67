import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { followEvents } from '../../src/client/index.js';
import { api, options, tagged } from '../api/client.js';
import type { Job, JobEvent } from '../api/types.js';
import { usePolled } from '../api/use-polled.js';
import { isTerminal } from '../parts/status.js';

/** Beside the events: what they do not carry (cancel_requested, waiting_for) shows this soon. */
const POLL_MS = 2_000;

/** Whether events come in. */
export type Link = 'connecting' | 'live' | 'lost' | 'ended';

export interface Followed {
  job: Job | undefined;
  error: Error | undefined;
  events: readonly JobEvent[];
  link: Link;
  refresh: () => void;
}

/** A job with everything that has happened to it, live until its end. */
export function useJob(id: string): Followed {
  const [ended, setEnded] = useState(false);
  const polled = usePolled(
    `job ${id}`,
    (signal) => tagged(api.GET('/v1/jobs/{id}', { signal, params: { path: { id } } })),
    ended ? 0 : POLL_MS,
  );
  const refresh = useRef(polled.refresh);
  const [events, setEvents] = useState<readonly JobEvent[]>([]);
  const [link, setLink] = useState<Link>('connecting');

  useEffect(() => {
    const stop = new AbortController();
    // Events that arrive together are drawn together.
    let arrived: JobEvent[] = [];
    let frame = 0;
    const flush = () => {
      const batch = arrived;
      arrived = [];
      frame = 0;
      setEvents((old) => [...old, ...batch]);
      setLink((old) => (old === 'ended' ? old : 'live'));
    };
    const read = async () => {
      for await (const event of followEvents(id, { ...options, signal: stop.signal, onLost: () => setLink('lost') })) {
        arrived.push(event);
        frame ||= requestAnimationFrame(flush);
        if (event.type !== 'job.progress') refresh.current();
      }
      setEnded(true);
    };
    // Without events the record is polled all the same.
    read()
      .catch(() => {})
      .finally(() => stop.signal.aborted || setLink('ended'));
    return () => {
      stop.abort();
      cancelAnimationFrame(frame);
    };
  }, [id]);

  const record = polled.data;
  const last = events.at(-1);
  const job = useMemo(() => (record && last ? asOf(record, last) : record), [record, last]);
  return { job, error: polled.error, events, link, refresh: polled.refresh };
}

/** The record with what the last event says, where the record is not ahead of it. */
function asOf(record: Job, { data }: JobEvent): Job {
  if (isTerminal(record.status) || data.progress.fraction < record.progress.fraction) return record;
  // The end comes with the record, which is on its way: results are asked for only then.
  if (isTerminal(data.status)) return record;
  return {
    ...record,
    status: data.status,
    progress: data.progress,
    attempt: data.attempt,
    worker: data.worker ?? record.worker,
  };
}

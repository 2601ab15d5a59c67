import { createParser } from 'eventsource-parser';
import type { JobEvent, JobEventList } from './api.js';
import { authorization, type ClientOptions } from './client.js';
import { requestError } from './request-error.js';

/** The service sends a comment every 15 s; a stream that is silent for longer than two of them is dead. */
const SILENCE_MS = 40_000;
/** Between polls, where something on the way turns the stream into a list. */
const POLL_MS = 1_000;
/** Waits before the connection is made again; doubled each time. */
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 10_000;
/** Statuses that pass by themselves. */
const PASSING = new Set([408, 429, 500, 502, 503, 504]);

export interface FollowOptions extends ClientOptions {
  /** Id of the last event known; those after it are given. Default 0: from the first. */
  after?: number;
  signal?: AbortSignal;
  /** How long to go on while the service does not answer; default 2 minutes. */
  patienceMs?: number;
  /** Told of each lost connection, before it is made again. */
  onLost?: (reason: unknown) => void;
}

const isFinal = ({ type }: JobEvent) => type === 'job.succeeded' || type === 'job.failed' || type === 'job.cancelled';

function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, ms);
    signal?.addEventListener('abort', stop, { once: true });
  });
}

/**
 * The events of a job, oldest first, each once, until the one that ends it. A connection that breaks is made again from
 * the last event seen (`Last-Event-ID`), so nothing is lost. Where the reply is no event stream, the list is polled.
 *
 * @throws RequestError for a refusal (no such job, no access); the last network error once patience has ended
 */
export async function* followEvents(id: string, options: FollowOptions): AsyncGenerator<JobEvent, void, undefined> {
  const { signal, patienceMs = 120_000, onLost, fetch = globalThis.fetch } = options;
  const address = `${options.baseUrl.replace(/\/+$/, '')}/v1/jobs/${encodeURIComponent(id)}/events`;
  let after = options.after ?? 0;
  let wait = FIRST_WAIT_MS;
  let answeredAt = Date.now();
  const answered = () => {
    answeredAt = Date.now();
    wait = FIRST_WAIT_MS;
  };
  for (;;) {
    const connection = new AbortController();
    const stop = () => connection.abort(signal?.reason);
    signal?.throwIfAborted();
    signal?.addEventListener('abort', stop, { once: true });
    try {
      const response = await fetch(`${address}?after=${after}`, {
        headers: { ...authorization(options), accept: 'text/event-stream', 'last-event-id': String(after) },
        signal: connection.signal,
      });
      if (response.status === 204) return;
      if (!response.ok) throw requestError(response, await response.json().catch(() => undefined));
      answered();
      const streamed = response.headers.get('content-type')?.startsWith('text/event-stream') ?? false;
      for await (const event of streamed ? eventsOf(response, connection, answered) : listed(response)) {
        if (event.id <= after) continue;
        after = event.id;
        yield event;
        if (isFinal(event)) return;
      }
      await sleep(streamed ? FIRST_WAIT_MS : POLL_MS, signal);
    } catch (error) {
      signal?.throwIfAborted();
      const status = (error as { status?: number }).status;
      if (status !== undefined && !PASSING.has(status)) throw error;
      if (Date.now() - answeredAt > patienceMs) throw error;
      onLost?.(error);
      await sleep(wait, signal);
      wait = Math.min(wait * 2, LONGEST_WAIT_MS);
    } finally {
      signal?.removeEventListener('abort', stop);
      connection.abort();
    }
  }
}

async function* listed(response: Response): AsyncGenerator<JobEvent> {
  yield* ((await response.json()) as JobEventList).data;
}

/** Events of one connection as they come in; a silent one is aborted. */
async function* eventsOf(
  response: Response,
  connection: AbortController,
  onBytes: () => void,
): AsyncGenerator<JobEvent> {
  const found: JobEvent[] = [];
  const parser = createParser({ onEvent: ({ data }) => found.push(JSON.parse(data) as JobEvent) });
  const decoder = new TextDecoder();
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  for (;;) {
    const silence = setTimeout(() => connection.abort(new Error('The event stream went silent.')), SILENCE_MS);
    const { done, value } = await reader.read().finally(() => clearTimeout(silence));
    if (done) return;
    onBytes();
    parser.feed(decoder.decode(value, { stream: true }));
    yield* found.splice(0);
  }
}

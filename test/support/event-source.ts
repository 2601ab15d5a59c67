import { createParser } from 'eventsource-parser';
import { Agent, fetch, type Headers } from 'undici';
import { isFinalEvent, type JobEvent } from '../../src/schemas/event.js';

/** What a client saw of a stream of events. */
export interface Seen {
  status: number;
  headers: Headers;
  events: JobEvent[];
  /** Whether the server closed it. */
  closed: boolean;
}

/** Read a job's stream, as EventSource would, until it closes or `enough` says so. */
export async function readStream(
  url: string,
  id: string,
  { last, enough = () => false }: { last?: number; enough?: (events: JobEvent[]) => boolean } = {},
): Promise<Seen> {
  const headers = { accept: 'text/event-stream', ...(last !== undefined && { 'last-event-id': `${last}` }) };
  const events: JobEvent[] = [];
  const parser = createParser({
    onEvent: ({ id: number, event: type, data }) => {
      const event = JSON.parse(data) as JobEvent;
      if (`${event.id}` !== number || event.type !== type) throw new Error(`Event ${number} ${type} holds ${data}.`);
      events.push(event);
    },
  });
  const decoder = new TextDecoder();
  // Of its own, so that no connection is left when it is done.
  const dispatcher = new Agent();
  try {
    const reply = await fetch(`${url}/v1/jobs/${id}/events`, { headers, dispatcher });
    const seen = (closed: boolean) => ({ status: reply.status, headers: reply.headers, events, closed });
    for await (const chunk of reply.body ?? []) {
      parser.feed(decoder.decode(chunk as Uint8Array, { stream: true }));
      if (enough(events)) return seen(false);
    }
    return seen(true);
  } finally {
    await dispatcher.destroy();
  }
}

/** Every event of a job from as many connections as it takes: each is broken off after `each` events. */
export async function readInPieces(urls: readonly string[], id: string, each: number): Promise<JobEvent[]> {
  const events: JobEvent[] = [];
  for (let turn = 0; ; turn++) {
    const last = events.at(-1);
    if (last && isFinalEvent(last)) return events;
    const enough = (fresh: JobEvent[]) => fresh.length >= each;
    const seen = await readStream(urls[turn % urls.length], id, { last: last?.id, enough });
    if (seen.status !== 200) throw new Error(`The stream was answered with ${seen.status}.`);
    events.push(...seen.events.slice(0, each));
  }
}

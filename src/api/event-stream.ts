import { Readable } from 'node:stream';
import type { EventFeeds } from '../jobs/event-feeds.js';
import type { JobEvent } from '../schemas/event.js';

/** A comment this often keeps proxies and idle timeouts from cutting a stream on which nothing happens. */
const COMMENT_MS = 15_000;
const COMMENT = ': still here\n\n';
/** How long clients wait before they connect again; sent first, so that they see at once that the stream is open. */
const PREAMBLE = 'retry: 1000\n\n';

/** Streams of one job share the text of its events. */
const frames = new WeakMap<JobEvent, string>();

/** An event as a server-sent one (WHATWG HTML, section 9.2). JSON has no line breaks of its own. */
function frameOf(event: JobEvent): string {
  const known = frames.get(event);
  if (known) return known;
  const frame = `id: ${event.id}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
  frames.set(event, frame);
  return frame;
}

/**
 * The events of a job after `after` as text/event-stream, until its end or until the service stops. Holds back while
 * the client does not read; ceases to follow when destroyed.
 */
export function eventStream(feeds: EventFeeds, id: string, after: number): Readable {
  let at = after;
  let wanted = false;
  const push = (text: string | null) => {
    wanted = false;
    stream.push(text);
  };
  const send = () => {
    if (!wanted) return;
    const fresh = feed.after(at);
    if (fresh.length > 0) {
      at += fresh.length;
      push(fresh.map(frameOf).join(''));
    } else if (feed.ended) push(null);
  };
  const { feed, stop } = feeds.follow(id, send);
  const comments = setInterval(() => {
    if (wanted) push(COMMENT);
  }, COMMENT_MS);
  const stream = new Readable({
    read() {
      wanted = true;
      send();
    },
    destroy(error, done) {
      clearInterval(comments);
      stop();
      done(error);
    },
  });
  stream.push(PREAMBLE);
  return stream;
}

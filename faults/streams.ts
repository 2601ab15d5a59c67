import http from 'node:http';
import { createParser } from 'eventsource-parser';
import type { JobEvent } from '../src/schemas/event.js';
import { percentile, type Row } from './figures.js';

/** How long after its job's end a stream may take to say so. */
const BOUND_MS = 1000;

/** Follow jobs over so many event streams at once, each to its job's end; no worker runs them, so they end when cancelled. */
export async function openStreams(url: string, ids: readonly string[], count: number): Promise<Row[]> {
  const agent = new http.Agent({ maxSockets: count });
  const delays: number[] = [];
  const streams = Array.from({ length: count }, (_, i) =>
    follow(`${url}/v1/jobs/${ids[i % ids.length]}/events`, agent).then((delay) => delays.push(delay)),
  );
  const errors = (await Promise.allSettled(streams)).filter(({ status }) => status === 'rejected').length;
  const p99 = percentile(delays, 0.99);
  return [
    {
      what: `${count} event streams meanwhile, from a job's end to its event, p99`,
      seen: `${p99.toFixed(0)} ms of ${delays.length} events`,
      bound: `< ${BOUND_MS / 1000} s`,
      ok: p99 < BOUND_MS,
    },
    { what: 'streams that broke off or missed an event', seen: `${errors}`, bound: '0', ok: errors === 0 },
  ];
}

/** Milliseconds from the last event's time to its arrival. @throws Error where the stream has gaps or ends before */
function follow(url: string, agent: http.Agent): Promise<number> {
  return new Promise((resolve, reject) => {
    let [next, delay] = [1, -1];
    const parser = createParser({
      onEvent: ({ data }) => {
        const { id, type, created_at } = JSON.parse(data) as JobEvent;
        if (id !== next++) reject(new Error(`Event ${id} came where ${next - 1} was due.`));
        if (type === 'job.cancelled') delay = Date.now() - Date.parse(created_at);
      },
    });
    const asked = http.get(url, { agent, headers: { accept: 'text/event-stream' } }, (reply) => {
      reply.setEncoding('utf8');
      reply.on('data', (text: string) => parser.feed(text));
      reply.on('end', () => (delay >= 0 ? resolve(delay) : reject(new Error('The stream ended before the job.'))));
      reply.on('error', reject);
    });
    asked.on('error', reject);
  });
}

import { afterEach, describe, expect, it, vi } from 'vitest';
import { eventStream } from '../../src/api/event-stream.js';
import { EventFeeds } from '../../src/jobs/event-feeds.js';
import { queued } from '../../src/jobs/events.js';

const ID = 'job_01ARZ3NDEKTSV4RRFFQ69G5FAV';

afterEach(() => vi.useRealTimers());

describe('a stream of events', () => {
  it('on which nothing happens carries a comment every 15 s, and is read for once however many follow', async () => {
    vi.useFakeTimers();
    let reads = 0;
    const first = queued({ id: ID, created_at: '2026-01-01T00:00:00.000Z', steps: 3 });
    const feeds = new EventFeeds({
      events: async (_, after) => {
        reads++;
        return after === 0 ? [first] : [];
      },
    });
    const streams = Array.from({ length: 100 }, () => eventStream(feeds, ID, 0));
    const texts = streams.map((stream) => {
      let text = '';
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      return () => text;
    });
    await vi.advanceTimersByTimeAsync(46_000);
    for (const text of texts) {
      expect(text().match(/^: /gm)?.length).toBe(3);
      expect(text().match(/^id: 1$/gm)?.length).toBe(1);
    }
    // Every two seconds while the job waits.
    expect(reads).toBeLessThanOrEqual(25);
    for (const stream of streams) stream.destroy();
    await vi.advanceTimersByTimeAsync(0);
    expect(feeds.size).toBe(0);
    const before = reads;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(reads).toBe(before);
  });

  it('holds back while the client does not read', async () => {
    vi.useFakeTimers();
    const first = queued({ id: ID, created_at: '2026-01-01T00:00:00.000Z', steps: 3 });
    const many = Array.from({ length: 20_000 }, (_, i) => ({ ...first, id: i + 1 }));
    const feeds = new EventFeeds({ events: async (_, after) => many.slice(after, after + 100) });
    const stream = eventStream(feeds, ID, 0);
    await vi.advanceTimersByTimeAsync(600_000);
    expect(stream.readableLength).toBeLessThan(100_000);
    stream.destroy();
  });
});

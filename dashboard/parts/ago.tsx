import { useEffect, useState } from 'preact/hooks';
import { age, dateTime, duration, secondsBetween } from '../../src/format/times.js';

const TICK_MS = 1_000;
const listeners = new Set<(now: number) => void>();
let ticking: ReturnType<typeof setInterval> | undefined;

/** The time, each second; one timer for the whole page. */
export function useNow(): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    listeners.add(setNow);
    ticking ??= setInterval(() => {
      for (const listener of listeners) listener(Date.now());
    }, TICK_MS);
    return () => {
      listeners.delete(setNow);
      if (listeners.size > 0) return;
      clearInterval(ticking);
      ticking = undefined;
    };
  }, []);
  return now;
}

/** How long ago, with the exact time on hover. */
export function Ago({ at }: { at: string }) {
  const now = useNow();
  return (
    <time dateTime={at} title={dateTime(at)} class="nowrap">
      {age(secondsBetween(at, now))}
    </time>
  );
}

/** How long something took, or has been taking. */
export function Took({ from, to }: { from: string | null; to: string | null }) {
  return from === null ? (
    <span class="quiet">–</span>
  ) : to === null ? (
    <Running from={from} />
  ) : (
    <span>{duration(secondsBetween(from, to))}</span>
  );
}

function Running({ from }: { from: string }) {
  return <>{duration(Math.floor(secondsBetween(from, useNow())))}</>;
}

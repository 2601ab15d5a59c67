import { useEffect, useReducer, useRef } from 'preact/hooks';
import type { Named } from './names.js';
import { type Sending, send } from './send.js';

export interface Transfer extends Named {
  id: number;
  state: 'waiting' | 'reading' | 'sending' | 'paused' | 'checking' | 'stored' | 'failed';
  /** Bytes the service has. */
  sent: number;
  error?: Error;
}

/** Something is on its way: the next one waits. */
const BUSY: readonly Transfer['state'][] = ['reading', 'sending', 'checking'];

let count = 0;

/** Uploads, one after the other in the order they were added; each can be paused and goes on where it was. */
export function useTransfers(onStored: () => void) {
  const list = useRef<Transfer[]>([]);
  const sendings = useRef(new Map<number, Sending>());
  const [, draw] = useReducer((n: number) => n + 1, 0);
  const stored = useRef(onStored);
  stored.current = onStored;

  const change = (id: number, next: Partial<Transfer>) => {
    list.current = list.current.map((transfer) => (transfer.id === id ? { ...transfer, ...next } : transfer));
    draw(0);
  };
  const advance = () => {
    if (list.current.some(({ state }) => BUSY.includes(state))) return;
    const next = list.current.find(({ state }) => state === 'waiting');
    if (!next) return;
    const { id } = next;
    change(id, { state: 'reading', error: undefined });
    const sending = send(next, {
      onSending: () => change(id, { state: 'sending' }),
      onProgress: (sent) => change(id, { sent }),
      onSent: () => change(id, { state: 'checking' }),
    });
    sendings.current.set(id, sending);
    sending.done
      .then(
        () => {
          change(id, { state: 'stored', sent: next.file.size });
          stored.current();
        },
        (error: Error) => {
          if (error.name !== 'AbortError') change(id, { state: 'failed', error });
        },
      )
      .finally(advance);
  };
  useEffect(() => {
    const leave = (event: BeforeUnloadEvent) => {
      if (list.current.some(({ state }) => state === 'waiting' || BUSY.includes(state))) event.preventDefault();
    };
    addEventListener('beforeunload', leave);
    return () => {
      removeEventListener('beforeunload', leave);
      for (const sending of sendings.current.values()) sending.pause();
    };
  }, []);

  return {
    transfers: list.current as readonly Transfer[],
    add(files: readonly Named[]) {
      const added = files.map((named): Transfer => ({ ...named, id: ++count, state: 'waiting', sent: 0 }));
      list.current = [...list.current, ...added];
      draw(0);
      advance();
    },
    pause(id: number) {
      sendings.current.get(id)?.pause();
      change(id, { state: 'paused' });
      advance();
    },
    resume(id: number) {
      change(id, { state: 'waiting', error: undefined });
      advance();
    },
    remove(id: number) {
      sendings.current.get(id)?.discard();
      sendings.current.delete(id);
      list.current = list.current.filter((transfer) => transfer.id !== id);
      draw(0);
      advance();
    },
  };
}

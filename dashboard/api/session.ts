const STORED_KEY = 'weightfold.api-key';

type Listener = () => void;
const listeners = new Set<Listener>();

/**
 * Which key is used, kept until the tab is closed; whether the API refused a request for want of a valid one; whether
 * the page asks for one now.
 */
let state = { key: sessionStorage.getItem(STORED_KEY) ?? undefined, refused: false, asked: false };

function change(next: Partial<typeof state>): void {
  state = { ...state, ...next };
  for (const listener of listeners) listener();
}

export const session = {
  get: () => state,
  subscribe(listener: Listener): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
  /** Use `key` from now on. */
  use(key: string): void {
    sessionStorage.setItem(STORED_KEY, key);
    change({ key, refused: false, asked: false });
  },
  /** The API answered 401 to a request that was sent with `key`; one that was sent before a newer key says nothing. */
  refuse(key: string | undefined): void {
    if (key === state.key && !state.refused) change({ refused: true, asked: true });
  },
  /** Ask for a key, or stop asking. */
  ask: (asked: boolean): void => change({ asked }),
  /** Go on without the key. */
  forget(): void {
    sessionStorage.removeItem(STORED_KEY);
    change({ key: undefined, refused: false, asked: false });
  },
};

import { useSyncExternalStore } from 'preact/compat';
import { useEffect, useRef, useState } from 'preact/hooks';
import { session } from '../api/session.js';

/** Asks for an API key once the API has refused a request for want of one, or when somebody wants to use another. */
export function KeyPrompt() {
  const { key, refused, asked } = useSession();
  const dialog = useRef<HTMLDialogElement>(null);
  const [entered, setEntered] = useState('');
  useEffect(() => {
    if (asked && !dialog.current?.open) dialog.current?.showModal();
    if (!asked) dialog.current?.close();
  }, [asked]);
  const submit = (event: Event) => {
    event.preventDefault();
    if (entered.trim()) session.use(entered.trim());
    setEntered('');
  };
  return (
    <dialog ref={dialog} onCancel={() => session.ask(false)} aria-labelledby="key-title">
      <form onSubmit={submit}>
        <h2 id="key-title">API key</h2>
        <p>
          {refused && key
            ? 'The service did not accept the key. Enter another one.'
            : refused
              ? 'This service asks for an API key. Its operator can give you one.'
              : 'A key is in use. Enter another one, with other rights for example.'}
        </p>
        <label class="field">
          <span>Key</span>
          <input
            type="password"
            autocomplete="off"
            placeholder="wf_…"
            value={entered}
            onInput={(event) => setEntered(event.currentTarget.value)}
          />
        </label>
        <p class="quiet small">Kept in this tab until it is closed.</p>
        <div class="actions">
          {key && (
            <button type="button" class="danger" onClick={session.forget}>
              Forget the key
            </button>
          )}
          <button type="button" onClick={() => session.ask(false)}>
            Not now
          </button>
          <button type="submit" class="primary">
            Use key
          </button>
        </div>
      </form>
    </dialog>
  );
}

/** The way to the prompt, where keys are in use. */
export function KeyButton() {
  const { key, refused } = useSession();
  if (!key && !refused) return null;
  return (
    <button type="button" class={refused ? 'small' : 'small plain'} title="API key" onClick={() => session.ask(true)}>
      Key
    </button>
  );
}

/** The same in a notice: another key may do where none, no valid one, or one without the right was sent. */
export function KeyOffer({ code }: { code: string | undefined }) {
  if (code !== 'unauthorized' && code !== 'forbidden') return null;
  return (
    <p>
      <button type="button" class="small" onClick={() => session.ask(true)}>
        {code === 'unauthorized' ? 'Enter a key' : 'Use another key'}
      </button>
    </p>
  );
}

const useSession = () => useSyncExternalStore(session.subscribe, session.get);

import { useSyncExternalStore } from 'preact/compat';
import { useEffect, useRef, useState } from 'preact/hooks';
import { session } from '../api/session.js';

/** Asks for an API key once the API has refused a request for want of one. */
export function KeyPrompt() {
  const { key, refused } = useSyncExternalStore(session.subscribe, session.get);
  const dialog = useRef<HTMLDialogElement>(null);
  const [entered, setEntered] = useState('');
  useEffect(() => {
    if (refused && !dialog.current?.open) dialog.current?.showModal();
    if (!refused) dialog.current?.close();
  }, [refused]);
  const submit = (event: Event) => {
    event.preventDefault();
    if (entered.trim()) session.use(entered.trim());
    setEntered('');
  };
  return (
    <dialog ref={dialog} aria-labelledby="key-title">
      <form onSubmit={submit}>
        <h2 id="key-title">API key</h2>
        <p>
          {key
            ? 'The service did not accept the key. Enter another one.'
            : 'This service asks for an API key. Its operator can give you one.'}
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
          <button type="submit" class="primary">
            Use key
          </button>
        </div>
      </form>
    </dialog>
  );
}

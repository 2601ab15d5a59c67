import { useState } from 'preact/hooks';
import { api, dataOf, type RequestError } from '../api/client.js';
import { navigate } from '../hash-location.js';
import { ErrorCode } from '../parts/error-code.js';
import { KeyOffer } from '../parts/key-prompt.js';
import { ProblemNotice } from '../parts/problem-notice.js';
import { PlanView } from '../plan/plan-view.js';
import type { JsonObject } from './json-path.js';
import type { Planned } from './use-plan.js';

/** What the spec would do, or why it cannot; the way to submit it. */
export function PlanPanel({ spec, planned }: { spec: JsonObject; planned: Planned }) {
  const { plan, error, stale } = planned;
  const [sending, setSending] = useState(false);
  const [refused, setRefused] = useState<Error>();
  const submit = async () => {
    setSending(true);
    setRefused(undefined);
    try {
      // A key of its own: a repeated click or a reply that was lost makes no second job.
      const header = { 'idempotency-key': crypto.randomUUID?.() ?? String(Math.random()) };
      const body = JSON.parse(JSON.stringify(spec));
      const { id } = await dataOf(api.POST('/v1/jobs', { params: { header }, body }));
      navigate(`/jobs/${id}`);
    } catch (cause) {
      setRefused(cause as Error);
      setSending(false);
    }
  };
  return (
    <section class="card plan" aria-labelledby="plan" aria-busy={stale}>
      <header>
        <h2 id="plan">Plan</h2>
        <button type="button" class="primary" disabled={!plan || stale || sending} onClick={submit}>
          {sending ? 'Submitting …' : 'Submit'}
        </button>
      </header>
      <div aria-live="polite" class={stale ? 'stale' : ''}>
        {!plan && !error && (
          <p class="body quiet">{stale ? 'Planning …' : 'Choose sources and a model; the plan appears here.'}</p>
        )}
        {refused && <ProblemNotice title="The job was not accepted." error={refused} />}
        {error && <Refusal error={error} />}
        {plan && <PlanView plan={plan} />}
      </div>
    </section>
  );
}

/** Why the spec cannot be run: each place a way to its field. */
function Refusal({ error }: { error: RequestError }) {
  const { problem } = error;
  const places = (problem?.errors ?? []).filter(({ pointer }) => pointer !== '');
  return (
    <div class="notice bad">
      <p>
        <strong>{places.length > 0 ? 'This cannot be run yet.' : 'No plan.'}</strong>
      </p>
      {!places.some(({ message }) => error.message.includes(message)) && <p>{error.message}</p>}
      <KeyOffer code={problem?.code} />
      {places.length > 0 && (
        <ul>
          {places.map(({ pointer, message }) => (
            <li key={pointer + message}>
              <button type="button" class="link" onClick={() => focusField(pointer)}>
                {pointer}
              </button>{' '}
              {message}
            </li>
          ))}
        </ul>
      )}
      {problem && <ErrorCode code={problem.code} />}
    </div>
  );
}

/** Bring the field of a pointer, or of what it is in, to view. */
function focusField(pointer: string): void {
  for (let here = pointer; here !== ''; here = here.slice(0, here.lastIndexOf('/'))) {
    const field = document.querySelector<HTMLElement>(`[data-pointer="${CSS.escape(here)}"]`);
    if (!field) continue;
    const folded = field.closest('details');
    if (folded) folded.open = true;
    field.scrollIntoView({ block: 'center' });
    field.focus({ preventScroll: true });
    return;
  }
}

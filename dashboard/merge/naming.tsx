import { useState } from 'preact/hooks';
import { Field, TextField } from './fields.js';
import type { JsonObject } from './json-path.js';
import { useAt } from './spec-state.js';

/** Name and labels: how the job is found again. */
export function Naming() {
  const { value, set } = useAt<JsonObject>(['labels']);
  const [text, setText] = useState(() => textOf(value));
  const enter = (next: string) => {
    setText(next);
    set(labelsOf(next));
  };
  return (
    <section class="card" aria-label="Name and labels">
      <div class="body grid">
        <TextField path={['name']} label="Name" placeholder="optional" />
        <Field path={['labels']} label="Labels">
          {(control) => (
            <input
              {...control}
              placeholder="team=nlp, run=12"
              value={text}
              onInput={({ currentTarget }) => enter(currentTarget.value)}
            />
          )}
        </Field>
      </div>
    </section>
  );
}

const textOf = (labels: JsonObject | undefined) =>
  Object.entries(labels ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .join(', ');

function labelsOf(text: string): JsonObject | undefined {
  const pairs = text
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean)
    .map((part) => {
      const [key, ...value] = part.split('=');
      return [key.trim(), value.join('=').trim()];
    });
  return pairs.length > 0 ? Object.fromEntries(pairs) : undefined;
}

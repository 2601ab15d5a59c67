import { useEffect, useState } from 'preact/hooks';
import type { JsonObject } from './json-path.js';
import { useSpecState } from './spec-state.js';

/** The spec as text, for everything the form has no field for. */
export function JsonEditor({ spec, onChange }: { spec: JsonObject; onChange: (spec: JsonObject) => void }) {
  const { errors } = useSpecState();
  const [text, setText] = useState(() => JSON.stringify(spec, null, 2));
  const [wrong, setWrong] = useState<string>();
  useEffect(() => {
    if (wrong === undefined && JSON.stringify(parse(text).spec) !== JSON.stringify(spec))
      setText(JSON.stringify(spec, null, 2));
  }, [spec]);
  const enter = (next: string) => {
    setText(next);
    const { spec: parsed, problem } = parse(next);
    setWrong(problem);
    if (parsed) onChange(parsed);
  };
  return (
    <section class="card" aria-labelledby="json">
      <header>
        <h2 id="json">Spec</h2>
        <a class="small" href="./docs">
          Reference of the spec
        </a>
      </header>
      <div class="body stack">
        <textarea
          class="mono json"
          rows={Math.min(40, Math.max(16, text.split('\n').length + 1))}
          spellcheck={false}
          aria-label="Spec as JSON"
          aria-invalid={wrong !== undefined || errors.length > 0}
          aria-describedby="json-problem"
          value={text}
          onInput={({ currentTarget }) => enter(currentTarget.value)}
        />
        <p id="json-problem" class="small problem" role="status">
          {wrong}
        </p>
      </div>
    </section>
  );
}

function parse(text: string): { spec?: JsonObject; problem?: string } {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      return { problem: 'A spec is an object: { … }.' };
    return { spec: value as JsonObject };
  } catch (error) {
    return { problem: (error as Error).message };
  }
}

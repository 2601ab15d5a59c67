import { useState } from 'preact/hooks';
import { Field } from './fields.js';
import type { Json } from './json-path.js';
import { useAt } from './spec-state.js';

/** Without the last digits of a product, 7.000000000000001. */
const percentOf = (share: number) => Number((share * 100).toPrecision(12));

/** Widths of a comparison, as shares of the sources' widths together. Its methods are edited as JSON. */
export function Compare() {
  const { value, set } = useAt<Json[]>(['compare', 'widths']);
  const shares = (value ?? []).every((width) => typeof width === 'number');
  const [text, setText] = useState(() => (value ?? []).map((width) => percentOf(Number(width))).join(', '));
  const enter = (next: string) => {
    setText(next);
    set(
      next
        .split(/[\s,;%]+/)
        .filter(Boolean)
        .map((part) => Number((Number(part) / 100).toPrecision(12))),
    );
  };
  if (!shares) return <p class="quiet">The widths are given per space; edit them as JSON.</p>;
  return (
    <Field
      path={['compare', 'widths']}
      label="Widths, % of the sources’ together"
      hint="Every method weightfold has, the notebook’s, and the baselines, at each of them."
    >
      {(control) => <input {...control} value={text} onInput={({ currentTarget }) => enter(currentTarget.value)} />}
    </Field>
  );
}

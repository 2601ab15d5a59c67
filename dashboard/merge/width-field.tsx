import { Field } from './fields.js';
import type { JsonObject, Path } from './json-path.js';
import { useAt } from './spec-state.js';

const KINDS = [
  ['number', 'width'],
  ['energy', 'energy ≥'],
  ['max_relative_error', 'error ≤'],
] as const;
type Kind = (typeof KINDS)[number][0];

/** Where a goal starts when it is chosen. */
const GOALS = { energy: 0.99, max_relative_error: 0.01 } as const;

const kindOf = (value: number | JsonObject | undefined): Kind =>
  typeof value === 'object' ? ('energy' in value ? 'energy' : 'max_relative_error') : 'number';

/** A width, or what it must achieve: energy it retains, error it stays below. */
export function WidthField({
  path,
  label,
  placeholder,
  bare,
  toldBy,
}: {
  path: Path;
  label: string;
  placeholder?: string;
  bare?: boolean;
  toldBy?: string;
}) {
  const { value, set } = useAt<number | JsonObject>(path);
  const kind = kindOf(value);
  const number = typeof value === 'object' ? value[kind] : value;
  const choose = (next: Kind) => set(next === 'number' ? undefined : { [next]: GOALS[next] });
  const enter = (text: string) => {
    const entered = text === '' ? undefined : Number(text);
    if (kind === 'number' || entered === undefined) set(entered);
    else set({ ...(value as JsonObject), [kind]: entered });
  };
  return (
    <Field path={path} label={label} bare={bare} toldBy={toldBy}>
      {(control) => (
        <span class="joined">
          <select
            aria-label={`${label}: given as`}
            value={kind}
            onChange={({ currentTarget }) => choose(currentTarget.value as Kind)}
          >
            {KINDS.map(([each, title]) => (
              <option key={each} value={each}>
                {title}
              </option>
            ))}
          </select>
          <input
            {...control}
            type="number"
            inputMode="decimal"
            min={0}
            step={kind === 'number' ? 1 : 'any'}
            placeholder={placeholder}
            value={typeof number === 'number' ? number : ''}
            onInput={({ currentTarget }) => enter(currentTarget.value)}
          />
        </span>
      )}
    </Field>
  );
}

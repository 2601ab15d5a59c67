import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';
import type { Json, Path } from './json-path.js';
import { useAt } from './spec-state.js';

interface Common {
  path: Path;
  label: string;
  hint?: string;
  /** The label is for screen readers only: something beside the field says the same. */
  bare?: boolean;
  /** Id of what says elsewhere what is wrong, where there is no room for it below the control. */
  toldBy?: string;
}

interface Control {
  id: string;
  'aria-invalid': boolean;
  'aria-describedby': string | undefined;
  'data-pointer': string;
}

/** A label, a control, and what is wrong with it. */
export function Field({
  path,
  label,
  hint,
  bare,
  toldBy,
  children,
}: Common & { children: (control: Control) => ComponentChildren }) {
  const id = useId();
  const { pointer, problem } = useAt(path);
  const described = [hint && `${id}-hint`, problem && (toldBy ?? `${id}-problem`)].filter(Boolean).join(' ');
  return (
    <div class="field">
      <label for={id} class={bare ? 'visually-hidden' : ''}>
        {label}
      </label>
      {children({
        id,
        'aria-invalid': problem !== undefined,
        'aria-describedby': described || undefined,
        'data-pointer': pointer,
      })}
      {hint && (
        <span id={`${id}-hint`} class="small quiet">
          {hint}
        </span>
      )}
      {problem && !toldBy && (
        <span id={`${id}-problem`} class="small problem">
          {problem}
        </span>
      )}
    </div>
  );
}

export function NumberField({ min, max, step, placeholder, ...common }: Common & NumberLimits) {
  const { value, set } = useAt<number>(common.path);
  return (
    <Field {...common}>
      {(control) => (
        <input
          {...control}
          type="number"
          inputMode="decimal"
          min={min}
          max={max}
          step={step ?? 1}
          placeholder={placeholder}
          value={value ?? ''}
          onInput={({ currentTarget: { value: text } }) => set(text === '' ? undefined : Number(text))}
        />
      )}
    </Field>
  );
}

interface NumberLimits {
  min?: number;
  max?: number;
  step?: number | 'any';
  placeholder?: string;
}

export function TextField({ placeholder, list, ...common }: Common & { placeholder?: string; list?: string }) {
  const { value, set } = useAt<string>(common.path);
  return (
    <Field {...common}>
      {(control) => (
        <input
          {...control}
          list={list}
          placeholder={placeholder}
          value={value ?? ''}
          onInput={({ currentTarget: { value: text } }) => set(text === '' ? undefined : text)}
        />
      )}
    </Field>
  );
}

/** A choice among texts; the first is the default and leaves the spec without the key. */
export function SelectField({
  options,
  ...common
}: Common & { options: readonly (readonly [value: string, title: string])[] }) {
  const { value, set } = useAt<string>(common.path);
  return (
    <Field {...common}>
      {(control) => (
        <select
          {...control}
          value={value ?? options[0][0]}
          onChange={({ currentTarget: { value: chosen } }) => set(chosen === options[0][0] ? undefined : chosen)}
        >
          {options.map(([each, title]) => (
            <option key={each} value={each}>
              {title}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

/** Something that is either as by default or `on`. */
export function CheckField({ path, label, on = true }: { path: Path; label: string; on?: Json }) {
  const { value, set, pointer, problem } = useAt(path);
  return (
    <div class="field">
      <label class="row check">
        <input
          type="checkbox"
          data-pointer={pointer}
          checked={value !== undefined && value !== false}
          onChange={({ currentTarget: { checked } }) => set(checked ? on : undefined)}
        />
        {label}
      </label>
      {problem && <span class="small problem">{problem}</span>}
    </div>
  );
}

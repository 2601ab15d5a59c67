import { shape } from '../../src/format/numbers.js';
import { Field } from './fields.js';
import type { Json, JsonObject } from './json-path.js';
import type { Tensor } from './recognise.js';
import { useAt } from './spec-state.js';
import { WidthField } from './width-field.js';

/** One table of the sources, and the width it gets. */
export function EmbeddingModel({ matrices, compared }: { matrices: readonly Tensor[]; compared: boolean }) {
  const { value, set } = useAt<string>(['model', 'tensor']);
  const sources = useAt<Json[]>(['sources']);
  const tensor = matrices.find(({ name }) => name === value);
  const only = sources.value?.length === 1 && tensor ? (sources.value[0] as JsonObject) : undefined;
  const halves = () => {
    const columns = tensor?.shapes[0][1] ?? 0;
    const middle = Math.floor(columns / 2);
    sources.set([
      { ...only, columns: [0, middle] },
      { ...only, columns: [middle, columns] },
    ]);
  };
  return (
    <div class="grid">
      <Field
        path={['model', 'tensor']}
        label="Table"
        hint="[vocabulary, width]; the vocabulary is shared by all sources"
      >
        {(control) => (
          <select {...control} value={value ?? ''} onChange={({ currentTarget }) => set(currentTarget.value)}>
            {!tensor && <option value={value ?? ''}>{value || 'choose …'}</option>}
            {matrices.map(({ name, shapes }) => (
              <option key={name} value={name}>
                {name} ({shape(shapes[0])})
              </option>
            ))}
          </select>
        )}
      </Field>
      {!compared && <WidthField path={['model', 'width']} label="Width of the result" />}
      {only && (
        <div class="field">
          <span>One source</span>
          <button type="button" onClick={halves}>
            Merge its two halves of columns
          </button>
        </div>
      )}
    </div>
  );
}

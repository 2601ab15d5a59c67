import { shape } from '../../src/format/numbers.js';
import { useCheckpoints } from './checkpoints.js';
import type { JsonObject, Path } from './json-path.js';
import { useAt } from './spec-state.js';

interface PickerProps {
  /** Where `{checkpoint, file, …}` stands. */
  path: Path;
  /** Keys that name tensors, each with its label; the first is needed. */
  tensors: readonly (readonly [key: string, label: string])[];
  names: readonly string[];
}

/** Tensors of an uploaded file, named by checkpoint, file and name. */
export function TensorPicker({ path, tensors, names }: PickerProps) {
  const { value, set, problem, pointer } = useAt<JsonObject>(path);
  const chosen = typeof value?.checkpoint === 'string' ? value.checkpoint : '';
  const content = useCheckpoints(chosen ? [chosen] : [])[chosen];
  const pick = (key: string, name: string) => {
    const tensor = content?.tensors.find((each) => each.name === name);
    const { [key]: _, ...rest } = value ?? {};
    set({ ...rest, ...(tensor && { file: tensor.file, [key]: tensor.name }) });
  };
  return (
    <div class="grid" data-pointer={pointer}>
      <label class="field">
        <span>Checkpoint</span>
        <select value={chosen} onChange={({ currentTarget }) => set({ checkpoint: currentTarget.value })}>
          {!names.includes(chosen) && <option value={chosen}>{chosen || 'choose …'}</option>}
          {names.map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      </label>
      {content &&
        tensors.map(([key, label], n) => (
          <label key={key} class="field">
            <span>{label}</span>
            <select value={String(value?.[key] ?? '')} onChange={({ currentTarget }) => pick(key, currentTarget.value)}>
              <option value="">{n === 0 ? 'choose …' : 'none'}</option>
              {content.tensors.map((tensor) => (
                <option key={tensor.name} value={tensor.name}>
                  {tensor.name} ({tensor.dtype}, {shape(tensor.shape)})
                </option>
              ))}
            </select>
          </label>
        ))}
      {problem && <p class="small problem">{problem}</p>}
    </div>
  );
}

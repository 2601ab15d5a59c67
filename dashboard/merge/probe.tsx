import { NumberField } from './fields.js';
import type { JsonObject } from './json-path.js';
import { useAt } from './spec-state.js';
import { TensorPicker } from './tensor-picker.js';

const INPUTS = [['tensor', 'Inputs [rows, width]']] as const;
const TOKENS = [
  ['ids', 'Tokens [rows, tokens]'],
  ['labels', 'Labels'],
  ['mask', 'Places that count'],
  ['attention_mask', 'Attention mask'],
] as const;

/** What result and sources are compared on. Several probes of tokens are edited as JSON. */
export function Probe({ names, whole }: { names: readonly string[]; whole: boolean }) {
  const { value, set, problem } = useAt<JsonObject>(['probe']);
  const several = Array.isArray(value);
  const file = value !== undefined && !('inputs' in value);
  const fallback = whole ? 'none: no losses' : 'random inputs';
  return (
    <details class="card" open={problem !== undefined}>
      <summary>
        <h2>Probe</h2> <span class="small quiet">what result and sources are compared on</span>
      </summary>
      <div class="body stack">
        {several ? (
          <p class="quiet">{value.length} probes; edit them as JSON.</p>
        ) : (
          <div class="grid">
            <label class="field">
              <span>Inputs</span>
              <select
                value={file ? 'file' : 'default'}
                onChange={({ currentTarget }) =>
                  set(currentTarget.value === 'file' ? { checkpoint: names[0] ?? '' } : undefined)
                }
              >
                <option value="default">{fallback}</option>
                <option value="file">tensors of a checkpoint</option>
              </select>
            </label>
          </div>
        )}
        {!several && file && <TensorPicker path={['probe']} tensors={whole ? TOKENS : INPUTS} names={names} />}
        {!several && !file && value !== undefined && (
          <div class="grid">
            <NumberField path={['probe', 'rows']} label="Rows" min={1} placeholder="32" />
            <NumberField path={['probe', 'seed']} label="Seed" min={0} placeholder="33" />
          </div>
        )}
      </div>
    </details>
  );
}

import { NumberField, SelectField } from './fields.js';
import type { JsonObject } from './json-path.js';
import { useAt } from './spec-state.js';
import { TensorPicker } from './tensor-picker.js';

const TOKENS = [
  ['tensor', 'Tokens [rows, tokens]'],
  ['attention_mask', 'Attention mask'],
] as const;

/** Sizes of the result, and what it is fitted on. */
export function TransformerModel({ names, sources }: { names: readonly string[]; sources: number }) {
  const calibration = useAt<JsonObject>(['method', 'calibration']);
  const kind = calibration.value === undefined ? 'none' : 'generate' in calibration.value ? 'generate' : 'file';
  const choose = (next: string) =>
    calibration.set(
      next === 'none' ? undefined : next === 'generate' ? { generate: {} } : { checkpoint: names[0] ?? '' },
    );
  return (
    <div class="stack">
      <div class="grid">
        <NumberField path={['target', 'hidden_size']} label="Hidden size" min={1} placeholder="all" />
        <NumberField path={['target', 'num_attention_heads']} label="Attention heads" min={1} placeholder="all" />
        <NumberField path={['target', 'intermediate_size']} label="Intermediate size" min={1} placeholder="all" />
        <NumberField
          path={['target', 'num_key_value_heads']}
          label="Key-value heads"
          min={1}
          placeholder="as in the sources"
        />
      </div>
      <p class="small quiet">
        What is left out keeps all that the {sources === 1 ? 'source has' : `${sources} sources have together`}.
      </p>
      <fieldset class="stack">
        <legend>Fit</legend>
        <label class="row check">
          <input type="radio" name="fit" checked={kind === 'none'} onChange={() => choose('none')} />
          Closed form, seconds: an initialisation for further training
        </label>
        <label class="row check">
          <input type="radio" name="fit" checked={kind === 'generate'} onChange={() => choose('generate')} />
          Calibrated on text the sources write themselves: no data needed
        </label>
        <label class="row check">
          <input type="radio" name="fit" checked={kind === 'file'} onChange={() => choose('file')} />
          Calibrated on tokens of a file
        </label>
      </fieldset>
      {kind === 'generate' && (
        <div class="grid">
          <NumberField
            path={['method', 'calibration', 'generate', 'sequences']}
            label="Sequences"
            min={1}
            placeholder="256 per source"
          />
          <NumberField
            path={['method', 'calibration', 'generate', 'length']}
            label="Tokens each"
            min={2}
            placeholder="64"
          />
          <NumberField
            path={['method', 'calibration', 'generate', 'seed']}
            label="Seed"
            min={0}
            placeholder="default"
          />
        </div>
      )}
      {kind === 'file' && <TensorPicker path={['method', 'calibration']} tensors={TOKENS} names={names} />}
      <SelectField
        path={['model', 'extra_tensors']}
        label="Tensors the family does not know"
        options={[
          ['fail', 'refuse the job'],
          ['drop', 'leave out'],
          ['keep_first', 'copy source 1’s'],
        ]}
      />
    </div>
  );
}

import { CheckField, NumberField, SelectField, TextField } from './fields.js';

/** How the result is written, where it is computed, and how long it may take. */
export function Output({ whole, compared }: { whole: boolean; compared: boolean }) {
  return (
    <details class="card">
      <summary>
        <h2>Output and run</h2> <span class="small quiet">type, files, backend, priority</span>
      </summary>
      <div class="body stack">
        <div class="grid">
          <SelectField
            path={['output', 'dtype']}
            label="Type"
            options={[
              ['', 'the sources’ widest'],
              ['float64', 'float64'],
              ['float32', 'float32'],
              ['float16', 'float16'],
              ['bfloat16', 'bfloat16'],
            ]}
          />
          <TextField path={['output', 'max_shard_size']} label="Largest file" placeholder="5GB" />
          <SelectField
            path={['compute', 'backend']}
            label="Backend"
            options={[
              ['auto', 'auto'],
              ['cpu', 'cpu'],
              ['cuda', 'cuda'],
              ['tfjs', 'tfjs'],
            ]}
          />
          <NumberField path={['priority']} label="Priority" min={0} max={1000} placeholder="0" />
          <NumberField path={['timeout_seconds']} label="Time per step, s" min={1} placeholder="3600" />
          <NumberField path={['max_attempts']} label="Attempts per step" min={1} max={10} placeholder="3" />
        </div>
        {!whole && !compared && (
          <CheckField
            path={['output', 'directions']}
            label="Keep every direction, so that a later job can take any width from it"
          />
        )}
      </div>
    </details>
  );
}

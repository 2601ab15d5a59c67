import { NumberField, SelectField } from './fields.js';
import type { JsonObject } from './json-path.js';
import { useAt } from './spec-state.js';
import { TensorPicker } from './tensor-picker.js';

const BASES = [
  ['weight', 'weight PCA'],
  ['balanced', 'balanced: the optimum of a chain’s whole map'],
  ['activation', 'activation PCA, on calibration data'],
] as const;
const ROWS = [['tensor', 'Rows of inputs, or token ids']] as const;

/** How bases are made. */
export function Method({ names, whole }: { names: readonly string[]; whole: boolean }) {
  const basis = useAt<string>(['method', 'basis']).value ?? 'weight';
  const solver = useAt<JsonObject>(['method', 'solver']);
  const randomized = solver.value?.type === 'randomized';
  return (
    <details class="card">
      <summary>
        <h2>Method</h2> <span class="small quiet">defaults are good: weight PCA, exact</span>
      </summary>
      <div class="body stack">
        <div class="grid">
          <SelectField path={['method', 'basis']} label="Basis" options={BASES} />
          <SelectField
            path={['method', 'mode']}
            label="Mode"
            options={[
              ['diag', 'diag: all sources together'],
              ['separate', 'separate: one PCA per source'],
            ]}
          />
          <SelectField
            path={['method', 'factorization']}
            label="Factorization"
            options={[
              ['auto', 'auto'],
              ['weight', 'weight: E = Uᵀ'],
              ['covariance', 'covariance: E = diag(σ)·Uᵀ'],
            ]}
          />
          <SelectField
            path={['method', 'padding']}
            label="Padding"
            options={[
              ['orthonormal', 'orthonormal: silent units that can learn'],
              ['zero', 'zero: dead units'],
            ]}
          />
          {whole && (
            <SelectField
              path={['method', 'fit']}
              label="Fit"
              options={[
                ['auto', 'auto'],
                ['calibrated', 'calibrated'],
                ['closed_form', 'closed form'],
              ]}
            />
          )}
          <div class="field">
            <label for="solver">Solver</label>
            <select
              id="solver"
              data-pointer={solver.pointer}
              value={randomized ? 'randomized' : 'exact'}
              onChange={({ currentTarget }) =>
                solver.set(currentTarget.value === 'exact' ? undefined : { type: 'randomized' })
              }
            >
              <option value="exact">exact: LAPACK</option>
              <option value="randomized">randomized: as the notebook</option>
            </select>
          </div>
          {randomized && (
            <>
              <NumberField
                path={['method', 'solver', 'niter']}
                label="Subspace iterations"
                min={0}
                max={100}
                placeholder="2"
              />
              <NumberField path={['method', 'solver', 'seed']} label="Seed" min={0} placeholder="33" />
            </>
          )}
        </div>
        {!whole && basis !== 'weight' && (
          <fieldset class="stack">
            <legend>Calibration data {basis === 'balanced' && <span class="quiet">(optional)</span>}</legend>
            <TensorPicker path={['method', 'calibration']} tensors={ROWS} names={names} />
          </fieldset>
        )}
      </div>
    </details>
  );
}

import { DataError } from '../../src/errors.js';
import { Mt19937, uniformMatrix } from '../../src/random/mt19937.js';
import { asMatrixShape } from '../../src/safetensors/file.js';
import { RANDOM_PROBE } from '../../src/schemas/probe.js';
import { offsetsOf } from '../bases/basis.js';
import type { StepContext } from './context.js';
import { firstNonFinite } from './sources.js';

/** Probe inputs per source, float64 row-major [rows, width]; one entry where the inputs are shared. */
export interface Probe {
  rows: number;
  inputs: Float64Array[];
}

/**
 * Random: MT19937 with the spec's seed, uniform, ÷ √width, drawn source after source. From a file: a tensor
 * [rows, Σ widths] whose columns are the sources' inputs side by side (or the shared input).
 */
export async function probeOf({ plan, spec, openProbe }: StepContext): Promise<Probe> {
  const widths = plan.probe_columns;
  const { probe = RANDOM_PROBE } = spec;
  if (!Array.isArray(probe) && 'inputs' in probe) {
    const random = new Mt19937(probe.seed);
    const { rows } = probe;
    return { rows, inputs: widths.map((width) => new Float64Array(uniformMatrix(random, rows * width, width))) };
  }
  if (!openProbe) throw new Error('The spec names a probe file, but no way to open it was given.');
  const checkpoint = await openProbe();
  try {
    const { tensor } = probe as { tensor: string };
    const [rows, columns] = asMatrixShape(checkpoint.tensors.get(tensor)?.shape ?? []);
    const values = await checkpoint.floats(tensor, 'float64');
    const bad = firstNonFinite(values);
    if (bad >= 0)
      throw new DataError('probe_not_finite', `Probe tensor "${tensor}" holds ${values[bad]} at flat index ${bad}.`);
    const offsets = offsetsOf(widths);
    return {
      rows,
      inputs: widths.map((width, i) => {
        const part = new Float64Array(rows * width);
        for (let r = 0; r < rows; r++)
          part.set(values.subarray(r * columns + offsets[i], r * columns + offsets[i + 1]), r * width);
        return part;
      }),
    };
  } finally {
    await checkpoint.close();
  }
}

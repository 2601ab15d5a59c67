import { encodeFloats } from '../../src/safetensors/dtype.js';
import { SafetensorsFile } from '../../src/safetensors/file.js';
import { writeSafetensors } from '../../src/safetensors/write-file.js';
import type { LinearPlan, TensorSource } from '../../src/schemas/plan.js';
import { offsetsOf } from '../bases/basis.js';
import { chunkRows } from '../bases/problem.js';
import type { StepContext } from './context.js';
import type { TensorReader } from './sources.js';

const FILE = 'constants.safetensors';

/** W·x in float64, W streamed in chunks of rows. 2·m·n flops. */
export async function matVec(reader: TensorReader, w: TensorSource, x: Float64Array): Promise<Float64Array> {
  const [rows, cols] = w.shape;
  const out = new Float64Array(rows);
  const chunk = chunkRows(cols);
  for (let from = 0; from < rows; from += chunk) {
    const values = await reader.rows(w, from, Math.min(from + chunk, rows));
    for (let i = 0; i * cols < values.length; i++) {
      let sum = 0;
      for (let j = 0; j < cols; j++) sum += values[i * cols + j] * x[j];
      out[from + i] = sum;
    }
  }
  return out;
}

/**
 * The constant part of every hidden space of a chain, per source: the response to zero input,
 * c_l = W_l·c_{l−1} + b_l with c_{−1} = 0, concatenated over the sources. Written as one F64 vector per space.
 */
export async function constantsStep({ plan, reader, steps }: StepContext): Promise<void> {
  const spaces = plan.spaces.filter(({ reduced }) => reduced);
  const count = plan.source_weights.length;
  let previous: (Float64Array | null)[] = Array.from({ length: count }, () => null);
  const found: Float64Array[] = [];
  for (const space of spaces) {
    const weight = plan.tensors.find((t) => t.role === 'weight' && t.out_space === space.name);
    const bias = plan.tensors.find((t) => t.role === 'bias' && t.out_space === space.name);
    previous = await Promise.all(
      previous.map(async (c, i) => {
        const moved = c && weight ? await matVec(reader, weight.sources[i], c) : null;
        const own = bias ? await reader.vector(bias.sources[i]) : null;
        return moved && own ? moved.map((value, j) => value + own[j]) : (moved ?? own);
      }),
    );
    const offsets = offsetsOf(space.source_widths);
    const joined = new Float64Array(offsets[count]);
    previous.forEach((c, i) => {
      if (c) joined.set(c, offsets[i]);
    });
    found.push(joined);
  }
  const tensors = spaces.map(({ name }, s) => ({ name, dtype: 'F64' as const, shape: [found[s].length] }));
  const written = await writeSafetensors(steps.target(FILE), tensors, async (writer) => {
    for (const values of found) await writer.write(encodeFloats(values, 'F64'));
  });
  await steps.finish('constants', { [FILE]: written });
}

/** The constant of one space, concatenated over the sources; null where the plan has none. */
export async function readConstant({ plan, steps }: StepContext, space: string): Promise<Float64Array | null> {
  if (!needsConstants(plan)) return null;
  await steps.require('constants');
  const file = await SafetensorsFile.open(steps.file(FILE));
  try {
    return await file.floats(space, 'float64');
  } finally {
    await file.close();
  }
}

const needsConstants = (plan: LinearPlan) => plan.steps.some(({ id }) => id === 'constants');

import { planMerge } from '../../src/plan/plan-job.js';
import type { SourceHeaders } from '../../src/plan/sources.js';
import type { Dtype } from '../../src/safetensors/dtype.js';
import { type JobSpecInput, JobSpecSchema } from '../../src/schemas/job-spec.js';

export type Shapes = Record<string, number[] | [Dtype, number[]]>;

/** Headers of a source that was never written: planning looks at names, types and shapes only. */
export function headersOf(shapes: Shapes, label: string): SourceHeaders {
  const tensors = Object.entries(shapes).map(([name, entry]) => {
    const [dtype, shape] =
      typeof entry[0] === 'string' ? (entry as [Dtype, number[]]) : ['F32' as Dtype, entry as number[]];
    return [name, { name, dtype, shape, begin: 0, end: 0 }] as const;
  });
  return { label, tensors: new Map(tensors), slice: {} };
}

/** Plan a spec whose i-th source has the i-th shapes. */
export function planOf(
  sources: readonly Shapes[],
  spec: Omit<JobSpecInput, 'sources'>,
  slices: { rows?: [number, number]; columns?: [number, number] }[] = [],
) {
  const parsed = JobSpecSchema.parse({
    ...spec,
    sources: sources.map((_, i) => ({ checkpoint: `s${i}`, ...slices[i] })),
  });
  return planMerge(
    parsed,
    sources.map((shapes, i) => ({
      ...headersOf(shapes, `s${i}`),
      slice: { rows: slices[i]?.rows, columns: slices[i]?.columns },
    })),
  );
}

/** Shapes of a chain `w0`, `w1`, … with the given widths, input first; biases `b0`, … where asked. */
export function chainShapes(widths: readonly number[], biases: readonly number[] = [], dtype: Dtype = 'F32'): Shapes {
  const weights = widths.slice(1).map((out, l): [string, [Dtype, number[]]] => [`w${l}`, [dtype, [out, widths[l]]]]);
  const vectors = biases.map((l): [string, [Dtype, number[]]] => [`b${l}`, [dtype, [widths[l + 1]]]]);
  return Object.fromEntries([...weights, ...vectors]);
}

/** Layers `w0`… with the given hidden widths. */
export const layers = (widths: readonly (number | undefined)[], biases: readonly number[] = []) =>
  widths.map((width, l) => ({
    weight: `w${l}`,
    ...(biases.includes(l) && { bias: `b${l}` }),
    ...(width !== undefined && { width }),
  }));

import { SpecError } from '../errors.js';
import { isFloatDtype } from '../safetensors/dtype.js';
import { asMatrixShape, type Slice } from '../safetensors/file.js';
import type { TensorInfo } from '../safetensors/header.js';
import type { TensorSource } from '../schemas/plan.js';

/** What planning knows of a source: names, types and shapes, never values. */
export interface SourceHeaders {
  /** How messages call it, e.g. `checkpoint "a"`. */
  label: string;
  tensors: ReadonlyMap<string, TensorInfo>;
  slice: Slice;
  /** config.json, where the source has one. */
  config?: Record<string, unknown>;
}

/** Names listed in a "no such tensor" message. */
const NAMES_SHOWN = 8;

/**
 * Look up a weight in one source and apply the source's slice.
 * @param pointer where the spec names the tensor
 * @throws SpecError naming source, tensor, what was found and what is needed
 */
export function locate(
  headers: readonly SourceHeaders[],
  source: number,
  tensor: string,
  dimensions: 1 | 2,
  pointer: string,
): TensorSource {
  const { label, tensors, slice } = headers[source];
  const info = tensors.get(tensor);
  if (!info) {
    const names = [...tensors.keys()].sort();
    const shown = names.slice(0, NAMES_SHOWN).join(', ');
    throw new SpecError(
      'tensor_missing',
      `Source ${source} (${label}) has no tensor "${tensor}". It has ${names.length}: ${shown}${names.length > NAMES_SHOWN ? ', …' : ''}.`,
      pointer,
    );
  }
  if (!isFloatDtype(info.dtype))
    throw new SpecError(
      'dtype_unsupported',
      `Tensor "${tensor}" of source ${source} (${label}) is ${info.dtype}; weights must be F64, F32, F16 or BF16.`,
      pointer,
    );
  if (info.shape.length !== dimensions || info.shape.includes(0))
    throw new SpecError(
      'shape_unsupported',
      `Tensor "${tensor}" of source ${source} (${label}) has shape [${info.shape}]; a ${dimensions === 2 ? 'matrix' : 'vector'} without empty axes is needed.`,
      pointer,
    );
  return { source, tensor, dtype: info.dtype, ...sliced(info, slice, source, label, dimensions) };
}

function sliced(info: TensorInfo, slice: Slice, source: number, label: string, dimensions: 1 | 2) {
  if (dimensions === 1 || (!slice.rows && !slice.columns)) return { shape: [...info.shape] };
  const [rows, columns] = asMatrixShape(info.shape);
  const part = (name: 'rows' | 'columns', extent: number): number => {
    const range = slice[name];
    if (!range) return extent;
    if (range[1] > extent)
      throw new SpecError(
        'slice_out_of_range',
        `Source ${source} (${label}) takes ${name} [${range}) of "${info.name}", which has ${extent} ${name}.`,
        `/sources/${source}/${name}`,
      );
    return range[1] - range[0];
  };
  return {
    shape: [part('rows', rows), part('columns', columns)],
    ...(slice.rows && { rows: [...slice.rows] as [number, number] }),
    ...(slice.columns && { columns: [...slice.columns] as [number, number] }),
  };
}

const WIDTH_RANK = { F64: 3, F32: 2, F16: 1, BF16: 1 } as const;

/** The type that holds every source's values: the widest; F16 beside BF16 needs F32. */
export function commonDtype(sources: readonly TensorSource[]): 'F64' | 'F32' | 'F16' | 'BF16' {
  const dtypes = [...new Set(sources.map((source) => source.dtype as keyof typeof WIDTH_RANK))];
  if (dtypes.includes('F16') && dtypes.includes('BF16') && !dtypes.includes('F64')) return 'F32';
  return dtypes.sort((a, b) => WIDTH_RANK[b] - WIDTH_RANK[a])[0];
}

import { SINGLE_FILE } from '../checkpoints/reader.js';
import { byteLength } from '../safetensors/header.js';
import { fileOrder, type TensorSpec } from '../safetensors/writer.js';
import type { JobSpec } from '../schemas/job-spec.js';

const UNITS: Record<string, number> = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
};

/** `5GB` (decimal, as Hugging Face counts) or `5GiB` → bytes. */
export function parseSize(size: number | string): number {
  if (typeof size === 'number') return size;
  const [, digits, unit] = /^(\d+)([A-Za-z]+)$/.exec(size) as RegExpExecArray;
  return Number(digits) * UNITS[unit];
}

const OUTPUT_DTYPES = { float64: 'F64', float32: 'F32', float16: 'F16', bfloat16: 'BF16' } as const;

/** The safetensors type a spec asks its result in; undefined: the sources' own. */
export const outputDtype = ({ output }: JobSpec) => output.dtype && OUTPUT_DTYPES[output.dtype];

export interface Shard {
  file: string;
  tensors: string[];
  bytes: number;
}

/** Fill files with tensors in order until one would grow past `limit`; a larger tensor gets a file of its own. */
export function shardTensors(tensors: readonly TensorSpec[], limit: number): Shard[] {
  const groups: { tensors: TensorSpec[]; bytes: number }[] = [];
  for (const tensor of tensors) {
    const bytes = byteLength(tensor.dtype, tensor.shape, tensor.name);
    const current = groups.at(-1);
    if (current && current.bytes + bytes <= limit) {
      current.tensors.push(tensor);
      current.bytes += bytes;
    } else groups.push({ tensors: [tensor], bytes });
  }
  const digits = (n: number) => String(n).padStart(5, '0');
  return groups.map((group, i) => ({
    file: groups.length === 1 ? SINGLE_FILE : `model-${digits(i + 1)}-of-${digits(groups.length)}.safetensors`,
    tensors: fileOrder(group.tensors).map(({ name }) => name),
    bytes: group.bytes,
  }));
}

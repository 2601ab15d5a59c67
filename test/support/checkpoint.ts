import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { encodeFloats, type FloatDtype } from '../../src/safetensors/dtype.js';
import { SafetensorsWriter } from '../../src/safetensors/writer.js';
import { seeded } from '../linalg/suite.js';

export interface NamedTensor {
  name: string;
  shape: number[];
  values: ArrayLike<number>;
  dtype?: FloatDtype | 'I64';
}

/** Write tensors as one safetensors file in `folder`; returns the file's path. */
export async function makeCheckpoint(
  folder: string,
  tensors: readonly NamedTensor[],
  file = 'model.safetensors',
): Promise<string> {
  await mkdir(folder, { recursive: true });
  const target = path.join(folder, file);
  const specs = tensors.map(({ name, shape, dtype = 'F32' }) => ({ name, shape, dtype }));
  const writer = await SafetensorsWriter.create(target, specs);
  for (const { values, dtype = 'F32', shape } of tensors)
    if (!shape.includes(0)) await writer.write(encode(values, dtype));
  await writer.finish();
  return target;
}

const encode = (values: ArrayLike<number>, dtype: FloatDtype | 'I64') =>
  dtype === 'I64'
    ? new Uint8Array(BigInt64Array.from(Array.from(values), BigInt).buffer)
    : encodeFloats(Float64Array.from(values), dtype);

/** Reproducible values in ±0.5, scaled. */
export function randomValues(count: number, seed: number, scale = 1): Float64Array {
  const random = seeded(seed);
  return Float64Array.from({ length: count }, () => random() * scale);
}

/** A chain's weights `layers.<l>.weight` for consecutive widths, input first. */
export function randomChain(widths: readonly number[], seed: number, dtype: FloatDtype = 'F32'): NamedTensor[] {
  return widths.slice(1).map((out, l) => ({
    name: `layers.${l}.weight`,
    shape: [out, widths[l]],
    values: randomValues(out * widths[l], seed * 100 + l, 1 / Math.sqrt(widths[l])),
    dtype,
  }));
}

import type { CheckpointReader } from '../../src/checkpoints/reader.js';
import { DataError } from '../../src/errors.js';
import type { Dtype } from '../../src/safetensors/dtype.js';

/** An integer or boolean tensor as int32, row-major. */
export interface IntegerTensor {
  values: Int32Array;
  rows: number;
  columns: number;
}

type Integers = { readonly length: number; readonly [i: number]: number | bigint };

const VIEWS: Partial<Record<Dtype, (buffer: ArrayBuffer) => Integers>> = {
  I64: (buffer) => new BigInt64Array(buffer),
  U64: (buffer) => new BigUint64Array(buffer),
  I32: (buffer) => new Int32Array(buffer),
  U32: (buffer) => new Uint32Array(buffer),
  I16: (buffer) => new Int16Array(buffer),
  U16: (buffer) => new Uint16Array(buffer),
  I8: (buffer) => new Int8Array(buffer),
  U8: (buffer) => new Uint8Array(buffer),
  BOOL: (buffer) => new Uint8Array(buffer),
};

/**
 * Read token ids, labels or masks [rows, tokens].
 * @throws DataError `tokens_invalid` when it is no integer matrix, or holds what int32 does not
 */
export async function readIntegers(reader: CheckpointReader, name: string): Promise<IntegerTensor> {
  const info = reader.tensors.get(name);
  if (!info) throw new DataError('tensor_missing', `Tensor "${name}" is not in the checkpoint.`);
  const view = VIEWS[info.dtype];
  if (!view || info.shape.length !== 2 || info.shape.includes(0))
    throw new DataError(
      'tokens_invalid',
      `Tensor "${name}" is ${info.dtype} [${info.shape.join(', ')}]; tokens are integers [rows, tokens].`,
    );
  const bytes = await reader.bytes(name);
  const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
  return { values: narrowed(view(buffer), name), rows: info.shape[0], columns: info.shape[1] };
}

function narrowed(wide: Integers, name: string): Int32Array {
  if (wide instanceof Int32Array) return wide;
  const values = new Int32Array(wide.length);
  for (let i = 0; i < values.length; i++) {
    values[i] = Number(wide[i]);
    if (values[i] !== Number(wide[i]))
      throw new DataError('tokens_invalid', `Tensor "${name}" holds ${wide[i]} at flat index ${i}, beyond 32 bits.`);
  }
  return values;
}

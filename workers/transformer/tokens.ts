import type { CheckpointReader } from '../../src/checkpoints/reader.js';
import { DataError } from '../../src/errors.js';
import type { Dtype } from '../../src/safetensors/dtype.js';

/** An integer or boolean tensor as int32, row-major. */
export interface IntegerTensor {
  values: Int32Array;
  rows: number;
  columns: number;
}

const READERS: Partial<Record<Dtype, (buffer: ArrayBuffer) => Int32Array>> = {
  I64: (buffer) => Int32Array.from(new BigInt64Array(buffer), Number),
  U64: (buffer) => Int32Array.from(new BigUint64Array(buffer), Number),
  I32: (buffer) => new Int32Array(buffer),
  U32: (buffer) => Int32Array.from(new Uint32Array(buffer)),
  I16: (buffer) => Int32Array.from(new Int16Array(buffer)),
  U16: (buffer) => Int32Array.from(new Uint16Array(buffer)),
  I8: (buffer) => Int32Array.from(new Int8Array(buffer)),
  U8: (buffer) => Int32Array.from(new Uint8Array(buffer)),
  BOOL: (buffer) => Int32Array.from(new Uint8Array(buffer)),
};

/** Read token ids, labels or masks [rows, tokens]. @throws DataError `tokens_invalid` when it is no integer matrix. */
export async function readIntegers(reader: CheckpointReader, name: string): Promise<IntegerTensor> {
  const info = reader.tensors.get(name);
  if (!info) throw new DataError('tensor_missing', `Tensor "${name}" is not in the checkpoint.`);
  const read = READERS[info.dtype];
  if (!read || info.shape.length !== 2 || info.shape.includes(0))
    throw new DataError(
      'tokens_invalid',
      `Tensor "${name}" is ${info.dtype} [${info.shape.join(', ')}]; tokens are integers [rows, tokens].`,
    );
  const bytes = await reader.bytes(name);
  const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
  return { values: read(buffer), rows: info.shape[0], columns: info.shape[1] };
}

import type { FileHandle } from 'node:fs/promises';
import { DataError } from '../errors.js';
import { openRegular } from '../store/regular-file.js';
import { DTYPE_BITS, decodeFloats, isFloatDtype } from './dtype.js';
import { SafetensorsError } from './error.js';
import {
  DEFAULT_MAX_HEADER_BYTES,
  PREFIX_BYTES,
  parseHeader,
  parsePrefix,
  type SafetensorsHeader,
  type TensorInfo,
} from './header.js';
import { HEAD_BYTES, identify } from './identify.js';
import { toFloat32 } from './range.js';

/** Half-open range of indices. */
export type Range = readonly [number, number];

export interface Slice {
  rows?: Range;
  columns?: Range;
}

/** An open safetensors file: header in memory, tensors read on demand. Close it when done. */
export class SafetensorsFile {
  readonly path: string;
  readonly header: SafetensorsHeader;
  readonly size: number;
  private readonly handle: FileHandle;

  private constructor(path: string, header: SafetensorsHeader, size: number, handle: FileHandle) {
    this.path = path;
    this.header = header;
    this.size = size;
    this.handle = handle;
  }

  /**
   * @param maxHeaderBytes cap on the header; LARGEST_HEADER_BYTES for files that were let in already
   * @throws SafetensorsError when the file is malformed, saying what it is where it is something else; DataError when
   *   there is no such file, or something that is no file
   */
  static async open(path: string, maxHeaderBytes = DEFAULT_MAX_HEADER_BYTES): Promise<SafetensorsFile> {
    const handle = await openRegular(path);
    const head = new Uint8Array(HEAD_BYTES);
    let known = 0;
    try {
      const { size } = await handle.stat();
      known = (await handle.read(head, 0, HEAD_BYTES, 0)).bytesRead;
      const length = parsePrefix(head.subarray(0, Math.min(known, PREFIX_BYTES)), size, maxHeaderBytes);
      const json = new Uint8Array(length);
      await readFully(handle, json, PREFIX_BYTES);
      return new SafetensorsFile(path, parseHeader(json, size - PREFIX_BYTES - length), size, handle);
    } catch (error) {
      await handle.close();
      throw error instanceof SafetensorsError ? asWhatItIs(error, head.subarray(0, known)) : error;
    }
  }

  tensor(name: string): TensorInfo {
    const info = this.header.tensors.get(name);
    if (!info) throw new DataError('tensor_missing', `Tensor "${name}" is not in the file.`);
    return info;
  }

  /** Raw bytes `[from, to)` of a tensor, relative to its first byte. */
  async bytes(info: TensorInfo, from = 0, to = info.end - info.begin): Promise<Uint8Array> {
    const out = new Uint8Array(to - from);
    await readFully(this.handle, out, this.header.dataStart + info.begin + from);
    return out;
  }

  /**
   * Rows `[rows)` × columns `[columns)` of a 1-D or 2-D tensor (1-D counts as one row), decoded.
   * Reads whole rows and drops the columns outside; shape `[rows, columns]`, row-major.
   */
  async floats<P extends 'float32' | 'float64'>(
    name: string,
    precision: P,
    slice: Slice = {},
  ): Promise<P extends 'float32' ? Float32Array : Float64Array> {
    const info = this.tensor(name);
    if (!isFloatDtype(info.dtype))
      throw new DataError(
        'dtype_unsupported',
        `Tensor "${name}" is ${info.dtype}; weights must be F64, F32, F16 or BF16.`,
      );
    const [rows, width] = asMatrixShape(info.shape);
    const [r0, r1] = slice.rows ?? [0, rows];
    const [c0, c1] = slice.columns ?? [0, width];
    const elementBytes = DTYPE_BITS[info.dtype] / 8;
    const rowBytes = width * elementBytes;
    let bytes = await this.bytes(info, r0 * rowBytes, r1 * rowBytes);
    if (c0 !== 0 || c1 !== width) bytes = columnsOf(bytes, r1 - r0, rowBytes, c0 * elementBytes, c1 * elementBytes);
    type Out = P extends 'float32' ? Float32Array : Float64Array;
    if (info.dtype === 'F64' && precision === 'float32')
      return toFloat32(decodeFloats(bytes, 'F64', 'float64'), `Tensor "${name}"`) as Out;
    return decodeFloats(bytes, info.dtype, precision) as Out;
  }

  /** As `floats`, written into `out`; straight from the file where nothing is converted or dropped. */
  async floatsInto(name: string, out: Float32Array | Float64Array, slice: Slice = {}): Promise<void> {
    const precision = out instanceof Float64Array ? 'float64' : 'float32';
    const info = this.tensor(name);
    const [rows, width] = asMatrixShape(info.shape);
    const [r0, r1] = slice.rows ?? [0, rows];
    const whole = !slice.columns || (slice.columns[0] === 0 && slice.columns[1] === width);
    const at = (elementBytes: number) => this.header.dataStart + info.begin + r0 * width * elementBytes;
    if (whole && info.dtype === (precision === 'float64' ? 'F64' : 'F32'))
      await readFully(
        this.handle,
        new Uint8Array(out.buffer, out.byteOffset, out.byteLength),
        at(out.BYTES_PER_ELEMENT),
      );
    else if (whole && info.dtype === 'F32') {
      // Read into the upper half, then widen from the front: element i is read before its place is overwritten.
      const narrow = new Float32Array(out.buffer, out.byteOffset + 4 * out.length, out.length);
      await readFully(this.handle, new Uint8Array(narrow.buffer, narrow.byteOffset, narrow.byteLength), at(4));
      for (let i = 0; i < out.length; i++) out[i] = narrow[i];
    } else out.set(await this.floats(name, precision, slice));
    if (out.length !== (r1 - r0) * (slice.columns ? slice.columns[1] - slice.columns[0] : width))
      throw new RangeError(`The target holds ${out.length} elements, the slice of "${name}" another number.`);
  }

  async close(): Promise<void> {
    await this.handle.close();
  }
}

/** The error of a file that is no safetensors: naming what it is instead, where its first bytes tell. */
export function asWhatItIs(error: SafetensorsError, head: Uint8Array): SafetensorsError {
  const foreign = identify(head);
  return foreign === undefined ? error : new SafetensorsError('other_format', `it is ${foreign.what}.`);
}

/** Bytes `[from, to)` of each row. */
function columnsOf(bytes: Uint8Array, rows: number, rowBytes: number, from: number, to: number): Uint8Array {
  const out = new Uint8Array(rows * (to - from));
  for (let r = 0; r < rows; r++) out.set(bytes.subarray(r * rowBytes + from, r * rowBytes + to), r * (to - from));
  return out;
}

/** `[]` and `[n]` count as one row; `[a, b, …]` as a rows of the product of the rest. */
export function asMatrixShape(shape: readonly number[]): [number, number] {
  if (shape.length < 2) return [1, shape[0] ?? 1];
  return [shape[0], shape.slice(1).reduce((product, extent) => product * extent, 1)];
}

/** One read call moves at most 1 GiB: Linux caps a single read below 2 GiB. */
const MAX_READ_BYTES = 1024 * 1024 * 1024;

async function readFully(handle: FileHandle, out: Uint8Array, position: number): Promise<void> {
  let done = 0;
  while (done < out.length) {
    const { bytesRead } = await handle.read(out, done, Math.min(out.length - done, MAX_READ_BYTES), position + done);
    if (bytesRead === 0)
      throw new DataError(
        'file_truncated',
        `The file ends ${out.length - done} bytes early; it changed while it was read.`,
      );
    done += bytesRead;
  }
}

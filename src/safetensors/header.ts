import { DTYPE_BITS, type Dtype, isDtype } from './dtype.js';
import { SafetensorsError } from './error.js';
import { HeaderReader } from './header-reader.js';

/** Bytes of the little-endian length that opens every safetensors file. */
export const PREFIX_BYTES = 8;
/** Default cap on the JSON header, checked before it is read: real checkpoints stay far below 1 MiB. */
export const DEFAULT_MAX_HEADER_BYTES = 16 * 1024 * 1024;
/** The largest the cap can be set to, and the cap for files that were let in under one or are our own. */
export const LARGEST_HEADER_BYTES = 512 * 1024 * 1024;
/**
 * Entries of one header. A tensor costs about 300 bytes once parsed, six times its shortest text, so the byte cap alone
 * would let 16 MiB become 250 MB. The largest published checkpoints have some 100 000 tensors in all their files.
 */
export const MAX_TENSORS = 100_000;
export const MAX_METADATA_ENTRIES = 10_000;
/** Axes of one tensor; numpy and PyTorch allow 64. */
export const MAX_DIMENSIONS = 64;
/** `__metadata__` is the one key that names no tensor. */
const METADATA_KEY = '__metadata__';

export interface TensorInfo {
  name: string;
  dtype: Dtype;
  shape: number[];
  /** Byte range inside the data section, half-open. */
  begin: number;
  end: number;
}

export interface SafetensorsHeader {
  tensors: Map<string, TensorInfo>;
  metadata: Map<string, string>;
  /** Offset in the file at which the data section starts. */
  dataStart: number;
}

/** Read the length prefix; refuses before a byte of the header is read. */
export function parsePrefix(prefix: Uint8Array, fileSize: number, maxHeaderBytes = DEFAULT_MAX_HEADER_BYTES): number {
  if (fileSize < PREFIX_BYTES || prefix.length < PREFIX_BYTES)
    throw new SafetensorsError(
      'file_too_short',
      `${fileSize} bytes, shorter than the ${PREFIX_BYTES}-byte length prefix.`,
    );
  const length = new DataView(prefix.buffer, prefix.byteOffset, PREFIX_BYTES).getBigUint64(0, true);
  if (length > BigInt(maxHeaderBytes))
    throw new SafetensorsError(
      'header_too_large',
      `the header claims ${length} bytes, the limit is ${maxHeaderBytes} (a pickle or another format?).`,
    );
  if (BigInt(PREFIX_BYTES) + length > BigInt(fileSize))
    throw new SafetensorsError(
      'header_truncated',
      `the header claims ${length} bytes, the file has ${fileSize - PREFIX_BYTES} after the prefix: a download that stopped halfway?`,
    );
  return Number(length);
}

/**
 * Parse and validate a header by the rules of the reference implementation (huggingface/safetensors,
 * `Metadata::validate`): known dtypes, no overflow, offsets that tile the data section from 0 to its end without
 * hole or overlap. Stricter where the format says so and many readers do not look: duplicate keys are refused.
 *
 * @param json the header bytes, without the length prefix
 * @param dataBytes length of the data section
 */
export function parseHeader(json: Uint8Array, dataBytes: number): SafetensorsHeader {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(json);
  } catch {
    throw new SafetensorsError('header_not_utf8', 'the header is not UTF-8.');
  }
  if (text[0] !== '{') throw new SafetensorsError('header_not_object', 'the header does not start with "{".');
  const reader = new HeaderReader(text);
  const tensors = new Map<string, TensorInfo>();
  let metadata = new Map<string, string>();
  let sawMetadata = false;
  reader.object((name) => {
    if (name === METADATA_KEY) {
      if (sawMetadata) throw duplicate(name);
      sawMetadata = true;
      metadata = readMetadata(reader);
      return;
    }
    if (tensors.has(name)) throw duplicate(name);
    if (tensors.size === MAX_TENSORS)
      throw new SafetensorsError('too_many_entries', `the header has more than ${MAX_TENSORS} tensors.`);
    tensors.set(name, readTensor(reader, name));
  });
  reader.end();
  validateOffsets(tensors, dataBytes);
  return { tensors, metadata, dataStart: PREFIX_BYTES + json.length };
}

const duplicate = (name: string) =>
  new SafetensorsError('header_duplicate_key', `the key ${quote(name)} appears twice.`);

/** Names come from strangers: cut and escape them before they reach a message. */
function quote(name: string): string {
  return JSON.stringify(name.length > 120 ? `${name.slice(0, 120)}…` : name);
}

function readMetadata(reader: HeaderReader): Map<string, string> {
  const metadata = new Map<string, string>();
  if (reader.peek() !== '{')
    throw new SafetensorsError('metadata_not_strings', '"__metadata__" is not an object of strings.');
  reader.object((key) => {
    if (metadata.has(key)) throw duplicate(key);
    if (metadata.size === MAX_METADATA_ENTRIES)
      throw new SafetensorsError('too_many_entries', `"__metadata__" has more than ${MAX_METADATA_ENTRIES} entries.`);
    if (reader.peek() !== '"')
      throw new SafetensorsError('metadata_not_strings', `"__metadata__" value ${quote(key)} is not a string.`);
    metadata.set(key, reader.string());
  });
  return metadata;
}

function readTensor(reader: HeaderReader, name: string): TensorInfo {
  const malformed = (why: string) => new SafetensorsError('tensor_malformed', `tensor ${quote(name)} ${why}.`);
  if (reader.peek() !== '{') throw malformed('is not described by an object');
  let dtype: Dtype | undefined;
  let shape: number[] | undefined;
  let offsets: number[] | undefined;
  reader.object((key) => {
    if (key === 'dtype') {
      if (dtype) throw duplicate(key);
      if (reader.peek() !== '"') throw malformed('has a dtype that is not a string');
      const value = reader.string();
      if (!isDtype(value))
        throw new SafetensorsError('dtype_unknown', `tensor ${quote(name)} has the unknown dtype ${quote(value)}.`);
      dtype = value;
    } else if (key === 'shape') {
      if (shape) throw duplicate(key);
      if (reader.peek() !== '[') throw malformed('has a shape that is not an array');
      shape = reader.integers(
        MAX_DIMENSIONS,
        () =>
          new SafetensorsError(
            'shape_invalid',
            `tensor ${quote(name)} has a shape that is not at most ${MAX_DIMENSIONS} whole numbers ≥ 0.`,
          ),
      );
    } else if (key === 'data_offsets') {
      if (offsets) throw duplicate(key);
      if (reader.peek() !== '[') throw malformed('has data_offsets that are not an array');
      offsets = reader.integers(
        2,
        () =>
          new SafetensorsError(
            'offsets_invalid',
            `tensor ${quote(name)} has offsets that are not two whole numbers ≥ 0.`,
          ),
      );
    } else throw malformed(`has the unknown key ${quote(key)}`);
  });
  if (!dtype) throw malformed('has no dtype');
  if (!shape) throw malformed('has no shape');
  if (offsets?.length !== 2) throw malformed('has no data_offsets [begin, end]');
  const [begin, end] = offsets;
  if (end < begin)
    throw new SafetensorsError('offsets_invalid', `tensor ${quote(name)} ends (${end}) before it begins (${begin}).`);
  const bytes = byteLength(dtype, shape, name);
  if (bytes !== end - begin)
    throw new SafetensorsError(
      'offsets_mismatch_shape',
      `tensor ${quote(name)} ${dtype} [${shape}] needs ${bytes} bytes, its offsets span ${end - begin}.`,
    );
  return { name, dtype, shape, begin, end };
}

/** Bytes of a tensor; refuses products past 2⁵³ and sub-byte tensors that do not fill whole bytes. */
export function byteLength(dtype: Dtype, shape: readonly number[], name = 'tensor'): number {
  let elements = 1;
  for (const extent of shape) {
    elements *= extent;
    if (elements > Number.MAX_SAFE_INTEGER)
      throw new SafetensorsError('shape_overflow', `tensor ${quote(name)}: the product of [${shape}] overflows.`);
  }
  const bits = elements * DTYPE_BITS[dtype];
  if (!Number.isSafeInteger(bits) || bits % 8 !== 0)
    throw new SafetensorsError('shape_overflow', `tensor ${quote(name)}: ${dtype} [${shape}] has no whole byte size.`);
  return bits / 8;
}

function validateOffsets(tensors: Map<string, TensorInfo>, dataBytes: number): void {
  const sorted = [...tensors.values()].sort((a, b) => a.begin - b.begin || a.end - b.end);
  let position = 0;
  for (const tensor of sorted) {
    if (tensor.begin !== position)
      throw new SafetensorsError(
        'offsets_overlap_or_hole',
        `tensor ${quote(tensor.name)} begins at ${tensor.begin}, the one before it ends at ${position}.`,
      );
    position = tensor.end;
  }
  if (position !== dataBytes)
    throw new SafetensorsError(
      'data_length_mismatch',
      `the tensors need ${position} bytes of data, the file holds ${dataBytes}${dataBytes < position ? ': truncated, as a download that stopped halfway' : ''}.`,
    );
}

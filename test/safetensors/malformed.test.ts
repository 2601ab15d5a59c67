import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { SafetensorsError, SafetensorsErrorCode } from '../../src/safetensors/error.js';
import { SafetensorsFile } from '../../src/safetensors/file.js';
import { DEFAULT_MAX_HEADER_BYTES, parseHeader } from '../../src/safetensors/header.js';
import { LARGE_ATTACKS } from '../support/header-attacks.js';
import { rawFile, tensorJson } from '../support/raw-safetensors.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();

const one = (dtype: string, shape: unknown, begin: number, end: number) =>
  `{"a":${tensorJson(dtype, shape, begin, end)}}`;
const f32 = (begin: number, end: number) => tensorJson('F32', [(end - begin) / 4], begin, end);
/** A header with the text of a shape or offset as an attacker would type it, past what JSON.stringify can write. */
const typed = (shape: string, offsets = '[0,4]') => `{"a":{"dtype":"F32","shape":${shape},"data_offsets":${offsets}}}`;

/** Every way a file can be malformed: what it is, its bytes, the reason it is refused for. */
const attacks: [what: string, bytes: Buffer, reason: SafetensorsErrorCode][] = [
  ['an empty file', Buffer.alloc(0), 'file_too_short'],
  ['seven bytes', Buffer.alloc(7), 'file_too_short'],
  ['a header length of 2⁶⁴−1', rawFile('{}', 0, 2n ** 64n - 1n), 'header_too_large'],
  ['a header length one above the cap', rawFile('{}', 0, BigInt(DEFAULT_MAX_HEADER_BYTES) + 1n), 'header_too_large'],
  [
    'a pickle, whose first bytes read as a length',
    Buffer.from('\x80\x04\x95\x10\0\0\0\0\0\0\0\x8c', 'latin1'),
    'other_format',
  ],
  ['a header longer than the file', rawFile('{}', 0, 3n), 'header_truncated'],
  ['bytes that are not UTF-8', rawFile(Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d])), 'header_not_utf8'],
  ['a UTF-16 surrogate in UTF-8', rawFile(Buffer.from([0x7b, 0x22, 0xed, 0xa0, 0x80, 0x22, 0x7d])), 'header_not_utf8'],
  ['an array', rawFile('[]'), 'header_not_object'],
  ['an empty header', rawFile(''), 'header_not_object'],
  ['leading white space', rawFile(' {}'), 'header_not_object'],
  ['a byte-order mark', rawFile('\ufeff{}'), 'header_not_object'],
  ['an object that never ends', rawFile('{'), 'header_invalid_json'],
  ['a string that never ends', rawFile('{"a'), 'header_invalid_json'],
  ['a string with a bad escape', rawFile('{"\\x":1}'), 'header_invalid_json'],
  ['a trailing comma', rawFile(`{"a":${f32(0, 4)},}`, 4), 'header_invalid_json'],
  ['two objects', rawFile('{}{}'), 'header_invalid_json'],
  ['a NUL after the object', rawFile('{}\0'), 'header_invalid_json'],
  ['a name twice', rawFile(`{"a":${f32(0, 4)},"a":${f32(4, 8)}}`, 8), 'header_duplicate_key'],
  ['a name twice, once escaped', rawFile(`{"a":${f32(0, 4)},"\\u0061":${f32(4, 8)}}`, 8), 'header_duplicate_key'],
  ['metadata twice', rawFile('{"__metadata__":{},"__metadata__":{}}'), 'header_duplicate_key'],
  ['a metadata key twice', rawFile('{"__metadata__":{"k":"1","k":"2"}}'), 'header_duplicate_key'],
  [
    'a dtype twice',
    rawFile('{"a":{"dtype":"F32","dtype":"F64","shape":[],"data_offsets":[0,4]}}', 4),
    'header_duplicate_key',
  ],
  [
    'a shape twice',
    rawFile('{"a":{"dtype":"F32","shape":[],"shape":[1],"data_offsets":[0,4]}}', 4),
    'header_duplicate_key',
  ],
  [
    'offsets twice',
    rawFile('{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4],"data_offsets":[0,4]}}', 4),
    'header_duplicate_key',
  ],
  ['metadata that is an array', rawFile('{"__metadata__":["x"]}'), 'metadata_not_strings'],
  ['a metadata value that is a number', rawFile('{"__metadata__":{"k":1}}'), 'metadata_not_strings'],
  ['a metadata value that is an object', rawFile('{"__metadata__":{"k":{}}}'), 'metadata_not_strings'],
  [
    'too many tensors',
    rawFile(`{${Array.from({ length: 100_001 }, (_, i) => `"t${i}":${tensorJson('U8', [0], 0, 0)}`).join(',')}}`),
    'too_many_entries',
  ],
  ['65 axes', rawFile(typed(`[${Array(65).fill(1)}]`), 4), 'shape_invalid'],
  ['a tensor that is a number', rawFile('{"a":1}'), 'tensor_malformed'],
  ['a tensor without dtype', rawFile('{"a":{"shape":[],"data_offsets":[0,4]}}', 4), 'tensor_malformed'],
  ['a tensor without shape', rawFile('{"a":{"dtype":"F32","data_offsets":[0,4]}}', 4), 'tensor_malformed'],
  ['a tensor without offsets', rawFile('{"a":{"dtype":"F32","shape":[1]}}', 4), 'tensor_malformed'],
  ['three offsets', rawFile(typed('[1]', '[0,4,4]'), 4), 'offsets_invalid'],
  ['one offset', rawFile(typed('[1]', '[4]'), 4), 'tensor_malformed'],
  [
    'an unknown key',
    rawFile('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"stride":[1]}}', 4),
    'tensor_malformed',
  ],
  ['a dtype that is a number', rawFile('{"a":{"dtype":32,"shape":[1],"data_offsets":[0,4]}}', 4), 'tensor_malformed'],
  ['a shape that is a string', rawFile(typed('"1"'), 4), 'tensor_malformed'],
  ['offsets that are an object', rawFile(typed('[1]', '{}'), 4), 'tensor_malformed'],
  ['an unknown dtype', rawFile(one('F33', [1], 0, 4), 4), 'dtype_unknown'],
  ['a dtype in lower case', rawFile(one('f32', [1], 0, 4), 4), 'dtype_unknown'],
  ['a dtype named as a property of every object', rawFile(one('constructor', [1], 0, 4), 4), 'dtype_unknown'],
  ['a negative extent', rawFile(typed('[-1]'), 4), 'shape_invalid'],
  ['a fractional extent', rawFile(typed('[1.5]'), 4), 'shape_invalid'],
  ['an extent written as a float', rawFile(typed('[1.0]'), 4), 'shape_invalid'],
  ['an extent in exponent form', rawFile(typed('[1e0]'), 4), 'shape_invalid'],
  ['an extent of NaN', rawFile(typed('[NaN]'), 4), 'shape_invalid'],
  ['an extent with a leading zero', rawFile(typed('[01]'), 4), 'shape_invalid'],
  ['an extent past 2⁵³', rawFile(typed('[9007199254740993]'), 4), 'shape_invalid'],
  ['a null extent', rawFile(typed('[null]'), 4), 'shape_invalid'],
  ['a nested shape', rawFile(typed('[[1]]'), 4), 'shape_invalid'],
  ['a shape that never ends', rawFile('{"a":{"dtype":"F32","shape":[1', 4), 'shape_invalid'],
  ['a shape whose product overflows', rawFile(typed('[4294967296,4294967296]'), 4), 'shape_overflow'],
  [
    'a shape whose product wraps to the right size in 64 bits',
    rawFile(typed('[4294967296,4294967296,0,1]', '[0,0]')),
    'shape_overflow',
  ],
  ['a shape whose bytes overflow', rawFile(typed('[4503599627370495]'), 4), 'shape_overflow'],
  ['half a byte', rawFile(one('F4', [1], 0, 1), 1), 'shape_overflow'],
  ['a negative offset', rawFile(typed('[1]', '[-4,0]'), 4), 'offsets_invalid'],
  ['a fractional offset', rawFile(typed('[1]', '[0.5,4.5]'), 4), 'offsets_invalid'],
  ['an end before its beginning', rawFile(typed('[1]', '[4,0]'), 4), 'offsets_invalid'],
  ['two tensors over the same bytes', rawFile(`{"a":${f32(0, 8)},"b":${f32(4, 12)}}`, 12), 'offsets_overlap_or_hole'],
  [
    'a thousand tensors over one block',
    rawFile(`{${Array.from({ length: 1000 }, (_, i) => `"t${i}":${f32(0, 4)}`).join(',')}}`, 4),
    'offsets_overlap_or_hole',
  ],
  ['a hole between tensors', rawFile(`{"a":${f32(0, 4)},"b":${f32(8, 12)}}`, 12), 'offsets_overlap_or_hole'],
  ['a hole before the first tensor', rawFile(`{"a":${f32(4, 8)}}`, 8), 'offsets_overlap_or_hole'],
  ['more bytes than the shape needs', rawFile(one('F32', [1], 0, 8), 8), 'offsets_mismatch_shape'],
  ['fewer bytes than the shape needs', rawFile(one('F64', [2], 0, 8), 8), 'offsets_mismatch_shape'],
  ['bytes for an empty tensor', rawFile(one('F32', [0], 0, 4), 4), 'offsets_mismatch_shape'],
  ['an HTML page', Buffer.from('<!DOCTYPE html><title>Sign in</title>'), 'other_format'],
  ['bytes after the last tensor', rawFile(one('F32', [1], 0, 4), 5), 'data_length_mismatch'],
  ['a file cut short', rawFile(one('F32', [2], 0, 8), 7), 'data_length_mismatch'],
  ['data without tensors', rawFile('{}', 1), 'data_length_mismatch'],
];

describe('malformed safetensors', () => {
  it.each(LARGE_ATTACKS)('at full size: %s', async (_, bytes, reason) => {
    const file = path.join(folder, 'large.safetensors');
    await writeFile(file, bytes());
    const error = (await SafetensorsFile.open(file).catch((refusal) => refusal)) as SafetensorsError;
    expect(error).toMatchObject({ code: 'safetensors_invalid', reason });
    expect(error.message.length).toBeLessThan(400);
  });

  it.each(attacks)('%s', async (what, bytes, reason) => {
    const file = path.join(folder, `${attacks.findIndex(([name]) => name === what)}.safetensors`);
    await writeFile(file, bytes);
    await expect(SafetensorsFile.open(file)).rejects.toMatchObject({
      code: 'safetensors_invalid',
      status: 422,
      retryable: false,
      reason,
    });
  });

  it('has an attack for every reason a file is refused for', () => {
    // A record keyed by the union: a reason added to the code does not compile until it is listed here.
    const reasons: Record<SafetensorsErrorCode, true> = {
      other_format: true,
      file_too_short: true,
      header_too_large: true,
      header_truncated: true,
      header_not_utf8: true,
      header_not_object: true,
      header_invalid_json: true,
      header_duplicate_key: true,
      metadata_not_strings: true,
      too_many_entries: true,
      tensor_malformed: true,
      dtype_unknown: true,
      shape_invalid: true,
      shape_overflow: true,
      offsets_invalid: true,
      offsets_overlap_or_hole: true,
      offsets_mismatch_shape: true,
      data_length_mismatch: true,
    };
    expect(new Set(attacks.map(([, , reason]) => reason))).toEqual(new Set(Object.keys(reasons)));
  });

  it.each([
    ['version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n', /a Git LFS pointer.*git lfs pull/],
    ['<!DOCTYPE html>\n<html>', /an HTML page/],
    ['\xef\xbb\xbf  <HTML lang="en">', /an HTML page/],
    ['<?xml version="1.0"?><Error><Code>NoSuchKey</Code>', /an XML text.*NoSuchKey|an XML text/],
    ['GGUF\x03\x00\x00\x00\x10\x00\x00\x00', /a GGUF file/],
    ['PK\x03\x04\x00\x00\x08\x08\x00\x00\x00\x00archive/data.pkl', /a ZIP archive.*pickle.*safetensors.torch/],
    ['\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M', /a pickle.*safetensors.torch/],
    ['\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00}\x94.', /a pickle/],
    ['(dp0\nVweight\n', /a pickle/],
    ['ccollections\nOrderedDict\n', /a pickle/],
    ['\x89HDF\r\n\x1a\n\x00', /an HDF5 file/],
    ['\x93NUMPY\x01\x00v\x00', /a NumPy array/],
    ['\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03', /gzip/],
    ['\x00'.repeat(4096), /zeros from its first byte on/],
    ['Entry not found', /a text \("Entry not found"\)/],
    ['{"error":"Repository not found"}', /a text/],
    [`${rawFile(one('F32', [2], 0, 8), 7).toString('latin1')}`, /truncated, as a download that stopped halfway/],
    [`${rawFile('{}', 0, 2000n).toString('latin1')}`, /a download that stopped halfway/],
  ])('a file that begins %j says what it is', async (content, words) => {
    const file = path.join(folder, 'foreign.safetensors');
    await writeFile(file, Buffer.from(content, 'latin1'));
    const error = (await SafetensorsFile.open(file).catch((refusal) => refusal)) as SafetensorsError;
    expect(error.code).toBe('safetensors_invalid');
    expect(error.message).toMatch(words);
    expect(error.message).not.toMatch(/[?.][?.]$/);
  });

  it('megabytes of nesting are refused without recursion', () => {
    for (const open of ['[', '{"a":', '{"a":[']) {
      const text = `{"t":${open.repeat(1_000_000)}`;
      expect(() => parseHeader(Buffer.from(text), 0)).toThrow(/Not a valid safetensors file/);
    }
    const inShape = `{"t":{"dtype":"F32","shape":${'['.repeat(1_000_000)}`;
    expect(() => parseHeader(Buffer.from(inShape), 0)).toThrow(/shape/);
  });

  it('a header is not read before its length is believed', async () => {
    const file = path.join(folder, 'lying.safetensors');
    await writeFile(file, rawFile('{}', 0, 2000n));
    await expect(SafetensorsFile.open(file, 1000)).rejects.toMatchObject({ reason: 'header_too_large' });
  });

  it('names of strangers are cut and escaped in messages', () => {
    const name = `\\u001b[31m${'x'.repeat(5000)}`;
    try {
      parseHeader(Buffer.from(`{"${name}":1}`), 0);
      expect.unreachable();
    } catch (error) {
      const { message } = error as Error;
      expect(message).not.toContain('\u001b');
      expect(message.length).toBeLessThan(400);
    }
  });
});

describe('unusual but well-formed safetensors', () => {
  const parse = (text: string, data = 0) => parseHeader(Buffer.from(text), data);

  it('names that objects have by birth are ordinary names', () => {
    const names = ['__proto__', 'constructor', 'hasOwnProperty', 'toString', ''];
    const header = parse(`{${names.map((name, i) => `"${name}":${f32(4 * i, 4 * i + 4)}`).join(',')}}`, 20);
    expect([...header.tensors.keys()]).toEqual(names);
    expect(header.tensors.get('__proto__')).toMatchObject({ name: '__proto__', begin: 0, end: 4 });
    expect(({} as Record<string, unknown>).dtype).toBeUndefined();
  });

  it('metadata keys that objects have by birth are ordinary keys', () => {
    const header = parse('{"__metadata__":{"__proto__":"x"}}');
    expect(header.metadata.get('__proto__')).toBe('x');
  });

  it('tensors in any order, empty tensors, scalars, white space, every dtype', () => {
    const header = parse(
      `{"b":${f32(8, 12)}, "a" :\n${tensorJson('F64', [], 0, 8)},"e":${tensorJson('F32', [3, 0], 12, 12)}}  \n `,
      12,
    );
    expect(header.tensors.get('a')?.shape).toEqual([]);
    expect(header.tensors.get('e')?.shape).toEqual([3, 0]);
    for (const dtype of ['F4', 'F6_E2M3', 'U8', 'BF16', 'C64', 'U64'])
      expect(() => parse(one(dtype, [0], 0, 0))).not.toThrow();
    expect(parse(one('F4', [2], 0, 1), 1).tensors.size).toBe(1);
  });

  it('an empty file has no tensors', () => expect(parse('{}').tensors.size).toBe(0));
});

import type { SafetensorsErrorCode } from '../../src/safetensors/error.js';
import { rawFile } from './raw-safetensors.js';

const repeat = (count: number, entry: (i: string) => string) =>
  Array.from({ length: count }, (_, i) => entry(i.toString(36))).join(',');
const empty = (name: string) => `"${name}":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`;

/** Whole numbers whose low 16 bits, all that an unseeded hash of a short table would look at, are the same. */
const colliding = (i: number) => String(2 ** 24 * (60 + (i % 190)) + 2 ** 16 * Math.floor(i / 190));

/**
 * Headers that are small enough to be read and as expensive as they can be made (the default cap is 16 MiB): what it
 * is, its bytes, the reason it is refused for.
 */
export const LARGE_ATTACKS: [what: string, bytes: () => Buffer, reason: SafetensorsErrorCode][] = [
  ['a header length of 2⁶³', () => rawFile('{}', 0, 2n ** 63n), 'header_too_large'],
  ['a million tensors', () => rawFile(`{${repeat(1_000_000, empty)}}`), 'header_too_large'],
  ['as many tensors as 16 MiB hold', () => rawFile(`{${repeat(280_000, empty)}}`), 'too_many_entries'],
  [
    'a million metadata entries',
    () => rawFile(`{"__metadata__":{${repeat(1_000_000, (i) => `"${i}":""`)}}}`),
    'too_many_entries',
  ],
  [
    'eight million axes',
    () => rawFile(`{"a":{"dtype":"U8","shape":[${'1,'.repeat(8e6)}1],"data_offsets":[0,1]}}`, 1),
    'shape_invalid',
  ],
  [
    'eight million offsets',
    () => rawFile(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[${'0,'.repeat(8e6)}1]}}`, 1),
    'offsets_invalid',
  ],
  [
    'an extent of sixteen million digits',
    () => rawFile(`{"a":{"dtype":"U8","shape":[${'9'.repeat(16e6)}],"data_offsets":[0,1]}}`, 1),
    'shape_invalid',
  ],
  ['sixteen million brackets', () => rawFile(`{"a":${'['.repeat(16e6)}`), 'tensor_malformed'],
  ['objects three million deep', () => rawFile(`${'{"a":'.repeat(3e6)}`), 'tensor_malformed'],
  ['a name of sixteen million characters', () => rawFile(`{"${'x'.repeat(16e6)}":1}`), 'tensor_malformed'],
  ['a name of two million escapes', () => rawFile(`{"${'\\u0061'.repeat(2.6e6)}":1}`), 'tensor_malformed'],
  ['sixteen million spaces', () => rawFile(`{${' '.repeat(16e6)}`), 'header_invalid_json'],
  ['a string of escaped quotes that never ends', () => rawFile(`{"${'\\"'.repeat(8e6)}`), 'header_invalid_json'],
  [
    'a hundred thousand tensors over the same bytes',
    () => rawFile(`{${repeat(99_000, (i) => `"${i}":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}`)}}`, 1),
    'offsets_overlap_or_hole',
  ],
  [
    'names whose hashes were meant to collide',
    () => rawFile(`{${repeat(48_000, (i) => empty(colliding(Number.parseInt(i, 36))))}}`, 1),
    'data_length_mismatch',
  ],
];

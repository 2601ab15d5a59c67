import { Mt19937 } from '../../src/random/mt19937.js';
import { SafetensorsError } from '../../src/safetensors/error.js';
import { PREFIX_BYTES, parseHeader, parsePrefix } from '../../src/safetensors/header.js';
import { rawFile, tensorJson } from './raw-safetensors.js';

/** What a fuzzing run saw. */
export interface FuzzResult {
  /** Refused with a SafetensorsError, by reason. */
  refused: Map<string, number>;
  /** Still well-formed after the change, and read correctly. */
  accepted: number;
  /** Slowest file, milliseconds. */
  slowest: number;
}

/** Extents, offsets and lengths at the borders of every integer type a reader could use. */
const NUMBERS = [
  '-1',
  '0',
  '00',
  '1',
  '1e3',
  '0.5',
  '255',
  '65536',
  '2147483648',
  '4294967296',
  '9007199254740991',
  '9007199254740993',
  '18446744073709551615',
  '18446744073709551616',
  'NaN',
  'null',
  '9'.repeat(400),
];
const PIECES = [
  '{',
  '}',
  '[',
  ']',
  '"',
  ',',
  ':',
  '\\',
  '\0',
  ' ',
  '"__proto__":{},',
  '"constructor":',
  '"__metadata__":{"a":"b"},',
  '[[[[[[[[',
  '{"a":{"a":{"a":',
  '\ud800',
  '\u2028',
  'true',
];
const DTYPES = ['F64', 'F32', 'F16', 'BF16', 'I64', 'U8', 'BOOL', 'F4', 'C64'];
const ELEMENT_BITS: Record<string, number> = {
  F64: 64,
  F32: 32,
  F16: 16,
  BF16: 16,
  I64: 64,
  U8: 8,
  BOOL: 8,
  F4: 4,
  C64: 64,
};

/** Draw from 0 … n − 1. */
type Draw = (n: number) => number;

/** A well-formed file of up to six small tensors. */
function wellFormed(draw: Draw): Buffer {
  let end = 0;
  const entries = Array.from({ length: draw(7) }, (_, i) => {
    const dtype = DTYPES[draw(DTYPES.length)];
    const shape = Array.from({ length: draw(4) }, () => 2 * draw(3));
    const begin = end;
    end += (shape.reduce((a, b) => a * b, shape.length === 0 && dtype === 'F4' ? 2 : 1) * ELEMENT_BITS[dtype]) / 8;
    return `"t${i}":${tensorJson(dtype, shape.length === 0 && dtype === 'F4' ? [2] : shape, begin, end)}`;
  });
  if (draw(3) === 0) entries.unshift('"__metadata__":{"format":"pt"}');
  return rawFile(`{${entries.join(',')}}${' '.repeat(draw(4))}`, end);
}

/** One change a careless or hostile writer could make. */
const mutations: ((file: Buffer, draw: Draw) => Buffer)[] = [
  // bits and bytes
  (file, draw) => {
    file[draw(file.length)] ^= 1 << draw(8);
    return file;
  },
  (file, draw) => {
    file[draw(Math.min(file.length, PREFIX_BYTES))] = draw(256);
    return file;
  },
  (file, draw) => file.subarray(0, draw(file.length + 1)),
  (file, draw) => Buffer.concat([file, Buffer.alloc(1 + draw(9))]),
  // text, with the length prefix made to fit again
  (file, draw) =>
    edited(file, (text) => {
      const at = draw(text.length + 1);
      return text.slice(0, at) + PIECES[draw(PIECES.length)] + text.slice(at);
    }),
  (file, draw) =>
    edited(file, (text) => {
      const [from, length] = [draw(text.length), 1 + draw(12)];
      return text.slice(0, from) + text.slice(from + length);
    }),
  (file, draw) =>
    edited(file, (text) => {
      const numbers = [...text.matchAll(/\d+/g)];
      if (numbers.length === 0) return text;
      const { 0: digits, index } = numbers[draw(numbers.length)];
      return text.slice(0, index) + NUMBERS[draw(NUMBERS.length)] + text.slice(index + digits.length);
    }),
  // one entry twice; two entries exchanged
  (file, draw) =>
    edited(file, (text) => {
      const entries = [...text.matchAll(/"[^"]*":\{[^}]*\}/g)];
      if (entries.length === 0) return text;
      const { 0: entry, index } = entries[draw(entries.length)];
      return `${text.slice(0, index)}${entry},${text.slice(index)}`;
    }),
  (file, draw) =>
    edited(file, (text) => text.replaceAll(`t${draw(6)}`, ['__proto__', '__metadata__', 't0', 't1'][draw(4)])),
  (file, draw) => edited(file, (text) => text.replace(DTYPES[draw(DTYPES.length)], DTYPES[draw(DTYPES.length)])),
];

function edited(file: Buffer, edit: (text: string) => string): Buffer {
  const length = file.length >= PREFIX_BYTES ? Number(file.readBigUInt64LE() & 0xffffffn) : 0;
  const data = file.subarray(PREFIX_BYTES + length);
  return Buffer.concat([rawFile(edit(file.subarray(PREFIX_BYTES, PREFIX_BYTES + length).toString('utf8'))), data]);
}

/**
 * Read `count` files, each a well-formed one with one to three changes, the same for the same seed. A file must either
 * be refused with a SafetensorsError or be what an independent look at it says it is.
 * @throws Error naming the file (hexadecimal) at the first that does neither
 */
export function fuzzHeaders(count: number, seed: number): FuzzResult {
  const random = new Mt19937(seed);
  const draw: Draw = (n) => random.nextUint32() % n;
  const result: FuzzResult = { refused: new Map(), accepted: 0, slowest: 0 };
  for (let i = 0; i < count; i++) {
    let file = wellFormed(draw);
    for (let changes = 1 + draw(3); changes > 0; changes--)
      if (file.length > 0) file = mutations[draw(mutations.length)](file, draw);
    const from = performance.now();
    try {
      const length = parsePrefix(file.subarray(0, PREFIX_BYTES), file.length);
      const json = file.subarray(PREFIX_BYTES, PREFIX_BYTES + length);
      const { tensors } = parseHeader(json, file.length - PREFIX_BYTES - length);
      result.slowest = Math.max(result.slowest, performance.now() - from);
      checkAccepted(json, file.length - PREFIX_BYTES - length, tensors);
      result.accepted++;
    } catch (error) {
      result.slowest = Math.max(result.slowest, performance.now() - from);
      if (!(error instanceof SafetensorsError) || error.message.length > 1000)
        throw new Error(`File ${i} of seed ${seed}: ${file.toString('hex')}`, { cause: error });
      result.refused.set(error.reason, (result.refused.get(error.reason) ?? 0) + 1);
    }
  }
  return result;
}

/** What was accepted must be JSON that says the same, and its tensors must tile the data. */
function checkAccepted(
  json: Buffer,
  dataBytes: number,
  tensors: ReadonlyMap<string, { dtype: string; shape: number[]; begin: number; end: number }>,
): void {
  const entries = Object.entries(JSON.parse(json.toString('utf8'))).filter(([name]) => name !== '__metadata__') as [
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] },
  ][];
  if (entries.length !== tensors.size) throw new Error(`${tensors.size} tensors read, ${entries.length} are there.`);
  let covered = 0;
  for (const [name, { dtype, shape, data_offsets }] of entries) {
    const { begin, end, ...read } = tensors.get(name) ?? { begin: -1, end: -1, dtype: '', shape: [] };
    const same =
      read.dtype === dtype && String(read.shape) === String(shape) && String([begin, end]) === String(data_offsets);
    if (!same || begin < 0 || end > dataBytes) throw new Error(`Tensor ${name} was read wrongly.`);
    covered += end - begin;
  }
  if (covered !== dataBytes) throw new Error(`The tensors cover ${covered} of ${dataBytes} bytes.`);
}

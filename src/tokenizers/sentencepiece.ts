import type { Meaning } from './meaning.js';

/** A field of a protocol buffer: its number, and its value as a number or as bytes. */
type Field = [number: number, value: bigint | Uint8Array];

/** Fields of one message (wire format, https://protobuf.dev/programming-guides/encoding). @throws RangeError */
function* fieldsOf(bytes: Uint8Array): Generator<Field> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = view.getUint8(at++);
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw new RangeError('a number is longer than 64 bits');
  };
  const take = (length: number) => {
    if (at + length > bytes.length) throw new RangeError('a field is cut');
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const key = varint();
    const [number, kind] = [Number(key >> 3n), Number(key & 7n)];
    if (kind === 0) yield [number, varint()];
    else if (kind === 1) yield [number, take(8)];
    else if (kind === 2) yield [number, take(Number(varint()))];
    else if (kind === 5) yield [number, take(4)];
    else throw new RangeError(`wire type ${kind} is not known`);
  }
}

/** ModelProto of sentencepiece_model.proto. */
const [PIECES, TRAINER, NORMALIZER] = [1, 2, 3];
/** SentencePiece: its text, score and kind. */
const [TEXT, SCORE, KIND] = [1, 2, 3];
/** TrainerSpec: what says how the model is used, not what it was trained on. */
const USED = new Map([
  [3, 'model_type'],
  [24, 'treat_whitespace_as_suffix'],
  [35, 'byte_fallback'],
  [40, 'unk_id'],
  [41, 'bos_id'],
  [42, 'eos_id'],
  [43, 'pad_id'],
]);
/** NormalizerSpec. */
const NORMALIZATION = new Map([
  [2, 'precompiled_charsmap'],
  [3, 'add_dummy_prefix'],
  [4, 'remove_extra_whitespaces'],
  [5, 'escape_whitespaces'],
]);

const hex = (value: bigint | Uint8Array) =>
  typeof value === 'bigint' ? value.toString() : Buffer.from(value).toString('base64');

/** A SentencePiece model. @throws RangeError where it is none */
export function sentencePieceMeaning(bytes: Uint8Array): Meaning {
  const vocabulary = new Map<string, number>();
  const scores: string[] = [];
  const parts = new Map<string, string>();
  const named = (message: Uint8Array, names: ReadonlyMap<number, string>) => {
    for (const [number, value] of fieldsOf(message)) {
      const name = names.get(number);
      if (name) parts.set(name, hex(value));
    }
  };
  for (const [number, value] of fieldsOf(bytes)) {
    if (typeof value === 'bigint') continue;
    if (number === TRAINER) named(value, USED);
    if (number === NORMALIZER) named(value, NORMALIZATION);
    if (number !== PIECES) continue;
    const piece = new Map(fieldsOf(value));
    const text = piece.get(TEXT);
    vocabulary.set(text instanceof Uint8Array ? Buffer.from(text).toString('utf8') : '', scores.length);
    scores.push(`${hex(piece.get(SCORE) ?? 0n)} ${hex(piece.get(KIND) ?? 1n)}`);
  }
  if (scores.length === 0) throw new RangeError('it has no pieces');
  return { vocabulary, scores, parts };
}

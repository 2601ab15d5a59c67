import type { FileHandle } from 'node:fs/promises';

/** Enough for every mark below; the last one (tar) stands at 257. */
export const HEAD_BYTES = 512;
/** Characters of a text that are shown. */
const SHOWN = 40;

/** The way out of a pickle. */
export const CONVERT_PICKLE =
  "Convert it: python -c \"import torch, safetensors.torch as s; s.save_file(torch.load('in.bin', weights_only=True), 'model.safetensors')\"";
const PICKLE = `a pickle (as torch.save writes), which can run code when it is read. ${CONVERT_PICKLE}`;
const ORIGINAL = 'Use the safetensors files of the original model';
const UNPACK = 'Unpack it first';

/** What a file is instead of what its name says. */
export interface Foreign {
  /** `mistake`: something that was saved in place of the file. */
  kind: 'mistake' | 'text' | 'format';
  /** For messages: "it is …", without a full stop. */
  what: string;
}

const LFS_POINTER = 'version https://git-lfs.github.com/spec/';

/** Formats that begin with fixed bytes: those bytes (latin1), where they stand, and what such a file is. */
type Mark = [mark: string, at: number, what: string];
const MARKS: Mark[] = [
  ['GGUF', 0, `a GGUF file (llama.cpp). ${ORIGINAL}`],
  ...['ggml', 'lmgg', 'fmgg', 'tjgg', 'algg'].map((mark): Mark => [mark, 0, `a GGML file (llama.cpp). ${ORIGINAL}`]),
  ['PK\x03\x04', 0, `a ZIP archive, most likely ${PICKLE}`],
  ['\x89HDF\r\n\x1a\n', 0, 'an HDF5 file (Keras or TensorFlow). Save the model as safetensors'],
  ['\x93NUMPY', 0, 'a NumPy array. Save it with safetensors.numpy.save_file'],
  ['TFL3', 4, `a TensorFlow Lite file. ${ORIGINAL}`],
  ['\x1f\x8b\x08', 0, `compressed (gzip). ${UNPACK}`],
  ['\x28\xb5\x2f\xfd', 0, `compressed (zstd). ${UNPACK}`],
  ['BZh', 0, `compressed (bzip2). ${UNPACK}`],
  ['\xfd7zXZ\x00', 0, `compressed (xz). ${UNPACK}`],
  ['7z\xbc\xaf\x27\x1c', 0, `a 7-Zip archive. ${UNPACK}`],
  ['Rar!', 0, `a RAR archive. ${UNPACK}`],
  ['%PDF-', 0, 'a PDF file'],
  ['ustar', 257, `a tar archive. ${UNPACK}`],
];
/** Instructions that a pickle of protocol 0 or 1 begins with. */
const OLD_PICKLE = /^(?:\((?:dp|lp|c[\w.]+\n|i[\w.]+\n)|c[\w.]+\n\w+\n|[}\]](?:q|\())/;
/** Pickles of protocol 2 on begin with this byte, then the protocol; a third byte of 0 would be a safetensors length. */
const PROTO = 0x80;
const isPickle = (head: Uint8Array, text: string) =>
  (head[0] === PROTO && head[1] >= 2 && head[1] <= 5 && head[2] !== 0) || OLD_PICKLE.test(text);
const HTML = /^\s*(?:<!--[\s\S]*?-->\s*)?<(?:!doctype\s+html|html|head|body|title|script|meta)\b/i;
const XML = /^\s*<(?:\?xml|Error>)/;
const BYTE_ORDER_MARK = /^\xef\xbb\xbf/;
/** The length that opens a safetensors file has zeros among its eight bytes; the beginning of a text has none. */
const TEXT = /^[\t\n\r\x20-\x7e]{8}/;
/** So many zeros are no length. */
const ZEROS = 64;

/** What a file is that is not what its name says; undefined where its first bytes do not tell. */
export function identify(head: Uint8Array): Foreign | undefined {
  if (head.length === 0) return undefined;
  const text = Buffer.from(head.subarray(0, HEAD_BYTES)).toString('latin1');
  const plain = text.replace(BYTE_ORDER_MARK, '');
  if (plain.startsWith(LFS_POINTER))
    return { kind: 'mistake', what: 'a Git LFS pointer, not the file itself. Fetch the file with "git lfs pull"' };
  if (HTML.test(plain))
    return { kind: 'mistake', what: 'an HTML page, as a login or an error page that was saved in place of the file' };
  if (XML.test(plain)) return { kind: 'text', what: `an XML text, as stores report errors with (${shown(plain)})` };
  const known = MARKS.find(([mark, at]) => text.startsWith(mark, at));
  if (known) return { kind: 'format', what: known[2] };
  if (isPickle(head, text)) return { kind: 'format', what: PICKLE };
  if (head.length >= ZEROS && head.every((byte) => byte === 0))
    return { kind: 'format', what: 'zeros from its first byte on, as a download that reserved its space and stopped' };
  if (TEXT.test(plain)) return { kind: 'text', what: `a text (${shown(plain)})` };
  return undefined;
}

const shown = (text: string) => {
  const line = text.trim().replace(/[^\x20-\x7e]+/g, ' ');
  return JSON.stringify(line.length > SHOWN ? `${line.slice(0, SHOWN)}…` : line);
};

/** The first bytes of a file, for `identify`. */
export async function headOf(file: FileHandle): Promise<Uint8Array> {
  const { buffer, bytesRead } = await file.read(new Uint8Array(HEAD_BYTES), 0, HEAD_BYTES, 0);
  return buffer.subarray(0, bytesRead);
}

import path from 'node:path';
import { DataError, SpecError } from '../errors.js';
import { CONVERT_PICKLE } from '../safetensors/identify.js';

/** Formats that run code when they are read. */
const PICKLE = /\.(bin|pt|pth|ckpt|pkl|pickle)$/i;
/** Other files of weights, by the ends of their names. */
const OTHER: [name: RegExp, what: string][] = [
  [/\.gguf$/i, 'is a GGUF file (llama.cpp); use the safetensors files of the original model'],
  [/\.(h5|keras|msgpack|onnx|tflite|pb)$/i, 'is of another framework; save the model as safetensors'],
  [/\.(incomplete|part|partial|crdownload|aria2|download|tmp)$/i, 'is a download that has not finished'],
];
const refusal = (name: string) =>
  `"${path.basename(name)}" is a pickle format, which can run code when it is read. ${CONVERT_PICKLE}.`;

/** @throws SpecError for a name of a pickle file */
export function refusePickle(name: string, pointer = ''): void {
  if (PICKLE.test(name)) throw new SpecError('pickle_refused', refusal(name), pointer);
}

/** Why a folder has no weights that can be read: what it has instead, if it has any. */
export function noWeights(names: readonly string[]): DataError {
  const pickle = names.find((name) => PICKLE.test(name));
  if (pickle !== undefined) return new DataError('pickle_refused', `There is no safetensors file. ${refusal(pickle)}`);
  for (const [pattern, what] of OTHER) {
    const found = names.find((name) => pattern.test(name));
    if (found !== undefined)
      return new DataError('checkpoint_empty', `The checkpoint has no safetensors file; "${found}" ${what}.`);
  }
  return new DataError('checkpoint_empty', 'The checkpoint has no safetensors file.');
}

import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { CheckpointStore } from '../checkpoints/checkpoint-store.js';
import { CheckpointReader } from '../checkpoints/reader.js';
import { SpecError } from '../errors.js';
import { LARGEST_HEADER_BYTES, type TensorInfo } from '../safetensors/header.js';

/** Names a message offers; a file may hold thousands. */
const MOST_CHOICES = 12;

/** What a tensor must be, in words and as a test. */
export interface Wanted {
  words: string;
  suits: (info: TensorInfo) => boolean;
}

/** Error codes for what is not there, and for what is there and does not fit. */
export interface Codes {
  missing: string;
  unsuitable: string;
}

/** Tensors of one uploaded file by the names a spec gives them; every refusal points at the field and offers names. */
export class NamedTensors {
  private readonly file: string;
  private readonly tensors: ReadonlyMap<string, TensorInfo>;
  private readonly pointer: string;
  private readonly codes: Codes;

  private constructor(file: string, tensors: ReadonlyMap<string, TensorInfo>, pointer: string, codes: Codes) {
    this.file = file;
    this.tensors = tensors;
    this.pointer = pointer;
    this.codes = codes;
  }

  /**
   * @param pointer of the object that names checkpoint and file
   * @throws SpecError `codes.missing` when there is no such checkpoint or file
   */
  static async open(
    { checkpoint, file }: { checkpoint: string; file: string },
    pointer: string,
    codes: Codes,
    checkpoints: CheckpointStore,
  ): Promise<NamedTensors> {
    const folder = checkpoints.folder(checkpoint);
    const isThere = (place: string) => stat(place).catch(() => undefined);
    if (!(await isThere(folder))?.isDirectory())
      throw new SpecError(codes.missing, `There is no checkpoint "${checkpoint}".`, `${pointer}/checkpoint`);
    if (!(await isThere(path.join(folder, file)))?.isFile())
      throw new SpecError(codes.missing, `Checkpoint "${checkpoint}" has no file "${file}".`, `${pointer}/file`);
    const reader = await CheckpointReader.openFiles([path.join(folder, file)], LARGEST_HEADER_BYTES);
    await reader.close();
    return new NamedTensors(`File "${file}" of checkpoint "${checkpoint}"`, reader.tensors, pointer, codes);
  }

  /** @param field that names the tensor; @throws SpecError when it is not there, or not what is wanted */
  find(name: string, field: string, wanted: Wanted): TensorInfo {
    const info = this.tensors.get(name);
    if (!info) throw this.refusal(this.codes.missing, `has no tensor "${name}"`, field, wanted);
    if (!wanted.suits(info))
      throw this.refusal(
        this.codes.unsuitable,
        `holds "${name}" as ${info.dtype} [${info.shape}]; ${wanted.words} are needed`,
        field,
        wanted,
      );
    return info;
  }

  private refusal(code: string, what: string, field: string, { words, suits }: Wanted): SpecError {
    const names = [...this.tensors].filter(([, info]) => suits(info)).map(([name]) => name);
    const shown = names.slice(0, MOST_CHOICES).map((name) => `"${name}"`);
    const more = names.length > shown.length ? ` and ${names.length - shown.length} more` : '';
    const choices = names.length === 0 ? `It has no ${words}.` : `Its ${words}: ${shown.join(', ')}${more}.`;
    return new SpecError(code, `${this.file} ${what}. ${choices}`, `${this.pointer}/${field}`);
  }
}

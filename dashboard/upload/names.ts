/** A file that is to be sent, and what it will be called. */
export interface Named {
  checkpoint: string;
  /** Of the file in the checkpoint. */
  name: string;
  file: File;
}

/** As the API takes names of checkpoints and files. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
/** What a checkpoint's weights are called where they are one file. */
export const MODEL_FILE = 'model.safetensors';
const SHARD = /-\d+-of-\d+\.safetensors$/;

export const isName = (text: string) => NAME.test(text);

/** The nearest name the API takes. */
export const nameFrom = (text: string) =>
  text
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 128);

const stem = (file: string) => file.replace(/\.safetensors$/, '');

/** Whether files look like one model each (`a.safetensors`, `b.safetensors`), not like parts of one. */
export const areModels = (files: readonly string[]) =>
  files.length > 1 && files.every((file) => file.endsWith('.safetensors') && !SHARD.test(file) && file !== MODEL_FILE);

/** A name to offer for the checkpoint that files belong to; `folder` is where they came from, if that is known. */
export function offeredName(files: readonly string[], folder: string | undefined): string {
  if (folder) return nameFrom(folder);
  const weights = files.find((file) => file.endsWith('.safetensors') && file !== MODEL_FILE);
  return weights ? nameFrom(stem(weights).replace(/-\d+-of-\d+$/, '')) : '';
}

/** The checkpoint a file becomes that is one model. */
export const ownName = (file: string) => nameFrom(stem(file));

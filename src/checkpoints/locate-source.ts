import { readdir, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { SpecError } from '../errors.js';
import type { Source } from '../schemas/source.js';
import { exists, isMissing } from '../store/files.js';

export interface SourceRoots {
  /** Folder that holds uploaded checkpoints. */
  checkpoints: string;
  /** Folders that file:// sources may name. */
  sourceRoots: readonly string[];
}

export interface LocatedSource {
  /** How messages call it. */
  label: string;
  /** Folder or file on this machine. */
  location: string;
}

/** Formats that run code when they are read; the way out is the same for all of them. */
const PICKLE = /\.(bin|pt|pth|ckpt|pkl|pickle)$/i;

/** @throws SpecError for a name of a pickle file */
export function refusePickle(name: string, pointer = ''): void {
  if (PICKLE.test(name))
    throw new SpecError(
      'pickle_refused',
      `"${path.basename(name)}" is a pickle format, which can run code when it is read. Convert it first: ` +
        "python -c \"import torch, safetensors.torch as s; s.save_file(torch.load('in.bin', weights_only=True), 'model.safetensors')\".",
      pointer,
    );
}

/**
 * Folder or file of a source. Uploads are found by name; file:// sources must lie under an allowed root after every
 * symbolic link is followed.
 * @param pointer where the spec names the source
 */
export async function locateSource(source: Source, roots: SourceRoots, pointer: string): Promise<LocatedSource> {
  if ('checkpoint' in source) {
    const location = path.join(roots.checkpoints, source.checkpoint);
    if (!(await exists(location)))
      throw new SpecError(
        'checkpoint_not_found',
        `There is no checkpoint "${source.checkpoint}". Upload it with PUT /v1/checkpoints/${source.checkpoint}/files/model.safetensors.`,
        `${pointer}/checkpoint`,
      );
    return { label: `checkpoint "${source.checkpoint}"`, location };
  }
  return { label: source.uri, location: await locateFile(source.uri, roots.sourceRoots, `${pointer}/uri`) };
}

async function locateFile(uri: string, roots: readonly string[], pointer: string): Promise<string> {
  const refused = (detail: string) => new SpecError('source_not_allowed', detail, pointer);
  if (roots.length === 0)
    throw refused(
      `file:// sources are off: "${uri}". Set SOURCE_ROOTS to the folders they may name, or upload the checkpoint.`,
    );
  let named: string;
  try {
    named = fileURLToPath(uri);
  } catch {
    throw refused(`"${uri}" is not a local file URI; write file:///absolute/path.`);
  }
  refusePickle(named, pointer);
  const inside = (location: string, allowed: readonly string[]) =>
    allowed.some((root) => location === root || location.startsWith(root.endsWith(path.sep) ? root : root + path.sep));
  const outside = () => refused(`"${uri}" is not under one of SOURCE_ROOTS.`);
  if (
    !inside(
      path.resolve(named),
      roots.map((root) => path.resolve(root)),
    )
  )
    throw outside();
  let real: string;
  try {
    real = await realpath(named);
  } catch (error) {
    if (!isMissing(error)) throw error;
    throw new SpecError('source_not_found', `"${uri}" does not exist.`, pointer);
  }
  const realRoots = await Promise.all(roots.map((root) => realpath(root).catch(() => path.resolve(root))));
  if (!inside(real, realRoots)) throw outside();
  // A folder's files are links of their own (as in a model hub's cache): each must end under a root as well.
  for (const file of await linksIn(real)) if (!inside(file, realRoots)) throw outside();
  return real;
}

/** Where the symbolic links directly in a folder lead; none for a file. Dangling ones fail when they are opened. */
async function linksIn(location: string): Promise<string[]> {
  if (!(await stat(location)).isDirectory()) return [];
  const links = (await readdir(location, { withFileTypes: true })).filter((entry) => entry.isSymbolicLink());
  const ends = await Promise.all(links.map(({ name }) => realpath(path.join(location, name)).catch(() => undefined)));
  return ends.filter((end) => end !== undefined);
}

import { readdir, realpath } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { SpecError, WeightfoldError } from '../errors.js';
import { TEMPLATE_FOLDERS } from '../schemas/name-pattern.js';
import type { Source } from '../schemas/source.js';
import { exists, isMissing } from '../store/files.js';
import { lookAt, requireFile } from '../store/regular-file.js';
import { refusePickle } from './other-weights.js';

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
  if (named.includes('\0'))
    throw new SpecError('source_uri_invalid', `"${uri}" holds a zero byte (%00), which no file name can.`, pointer);
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
  const real = await realOf(named, uri, pointer);
  const realRoots = await Promise.all(roots.map((root) => realpath(root).catch(() => path.resolve(root))));
  if (!inside(real, realRoots)) throw outside();
  // A folder's files are links of their own (as in a model hub's cache): each must end under a root as well.
  for (const file of await linksIn(real)) if (!inside(file, realRoots)) throw outside();
  return real;
}

/** A path with every link followed. @throws SpecError unless it leads to a file or a folder */
async function realOf(named: string, uri: string, pointer: string): Promise<string> {
  try {
    const info = await lookAt(named, uri);
    if (!info.isDirectory()) requireFile(info, uri);
    return await realpath(named);
  } catch (error) {
    if (!(error instanceof WeightfoldError)) throw error;
    const code = error.code === 'file_missing' ? 'source_not_found' : error.code;
    throw new SpecError(code, error.message, pointer);
  }
}

/**
 * Where the symbolic links directly in a folder, or in its folders of chat templates, lead; none for a file. Dangling
 * ones fail when they are opened.
 */
async function linksIn(location: string): Promise<string[]> {
  const folders = [location, ...TEMPLATE_FOLDERS.map((folder) => path.join(location, folder))];
  const ends = await Promise.all(
    folders.map(async (folder) => {
      const entries = await readdir(folder, { withFileTypes: true }).catch((error) => {
        if (isMissing(error)) return [];
        throw error;
      });
      const links = entries.filter((entry) => entry.isSymbolicLink());
      return Promise.all(links.map(({ name }) => realpath(path.join(folder, name)).catch(() => undefined)));
    }),
  );
  return ends.flat().filter((end) => end !== undefined);
}

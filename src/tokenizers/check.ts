import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import type { LocatedSource } from '../checkpoints/locate-source.js';
import { MAX_JSON_BYTES } from '../checkpoints/reader.js';
import { SpecError, WeightfoldError } from '../errors.js';
import { sha256Of } from '../store/files.js';
import { lookAt, requireFile } from '../store/regular-file.js';
import { compareTokenizers } from './compare.js';
import { TOKENIZER_FILES } from './files.js';

/**
 * Sources must agree in their tokenizer: the same id has to mean the same text, and the same text to give the same ids.
 * Files with the same bytes are not looked into; others are compared by what they mean. Where one of two sources has no
 * tokenizer, nothing can be said.
 * @throws SpecError `tokenizers_differ` naming the file, what differs, and the sources; `json_invalid`, `json_too_large`
 */
export async function checkTokenizers(sources: readonly LocatedSource[]): Promise<void> {
  const hashes: Map<string, string>[] = [];
  for (const [i, { location }] of sources.entries())
    hashes.push(await hashesIn(location).catch((error) => refuse(error, `/sources/${i}`)));
  const [first, ...others] = sources;
  for (const [index, other] of others.entries()) {
    const [mine, theirs] = [hashes[0], hashes[index + 1]];
    if (mine.size === 0 || theirs.size === 0 || same(mine, theirs)) continue;
    const difference = await compareTokenizers(first.location, other.location).catch((error) =>
      refuse(error, `/sources/${index + 1}`),
    );
    if (difference)
      throw new SpecError(
        'tokenizers_differ',
        `The tokenizers of ${first.label} and ${other.label} differ in ${difference.file}: ${difference.what}. ` +
          'Models with different tokenizers cannot be merged.',
        `/sources/${index + 1}`,
      );
  }
}

function refuse(error: unknown, pointer: string): never {
  if (error instanceof WeightfoldError) throw new SpecError(error.code, error.message, pointer);
  throw error;
}

/** SHA-256 of each tokenizer file of a source. */
async function hashesIn(location: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  if (!(await stat(location)).isDirectory()) return found;
  const names = new Set(await readdir(location));
  for (const file of TOKENIZER_FILES.filter((name) => names.has(name))) {
    const candidate = path.join(location, file);
    const info = await lookAt(candidate, file);
    requireFile(info, file);
    if (info.size > MAX_JSON_BYTES)
      throw new SpecError(
        'json_too_large',
        `"${file}" has ${info.size} bytes; such files may have ${MAX_JSON_BYTES}.`,
        '',
      );
    found.set(file, await sha256Of(candidate));
  }
  return found;
}

const same = (a: Map<string, string>, b: Map<string, string>) =>
  a.size === b.size && [...a].every(([file, hash]) => b.get(file) === hash);

import { stat } from 'node:fs/promises';
import path from 'node:path';
import { SpecError } from '../errors.js';
import { sha256Of } from '../store/files.js';
import type { LocatedSource } from './locate-source.js';

/** Files that decide which text an id stands for. */
const VOCABULARY_FILES = ['tokenizer.json', 'vocab.txt', 'vocab.json', 'merges.txt', 'tokenizer.model'];

/**
 * Sources must agree in their tokenizer: the same id has to mean the same text. A file that two sources have must be
 * the same file; where one of them has none, nothing can be said.
 * @throws SpecError `tokenizers_differ` naming the file and the sources
 */
export async function checkTokenizers(sources: readonly LocatedSource[]): Promise<void> {
  for (const file of VOCABULARY_FILES) {
    const seen: { label: string; sha256: string }[] = [];
    for (const { label, location } of sources) {
      const candidate = path.join(location, file);
      const info = await stat(candidate).catch(() => undefined);
      if (info?.isFile()) seen.push({ label, sha256: await sha256Of(candidate) });
    }
    const other = seen.find(({ sha256 }) => sha256 !== seen[0].sha256);
    if (other)
      throw new SpecError(
        'tokenizers_differ',
        `${file} of ${seen[0].label} and of ${other.label} differ; models with different tokenizers cannot be merged.`,
        '/sources',
      );
  }
}

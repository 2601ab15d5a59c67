import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { NAME_PATTERN, TEMPLATE_FOLDERS } from '../schemas/name-pattern.js';
import { isMissing } from '../store/files.js';

/** Files beside a checkpoint's weights that travel with it, and with what is made of it, where they exist. */
export const COMPANION_FILES: readonly string[] = [
  'generation_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'tokenizer.model',
  'spiece.model',
  'sentencepiece.bpe.model',
  'special_tokens_map.json',
  'added_tokens.json',
  'vocab.txt',
  'vocab.json',
  'merges.txt',
  'chat_template.jinja',
  'chat_template.json',
  'processor_config.json',
  'preprocessor_config.json',
  'video_preprocessor_config.json',
];

/** Chat templates of a checkpoint folder that have names of their own, below it, in order. */
export async function templatesIn(folder: string): Promise<string[]> {
  const found = await Promise.all(
    TEMPLATE_FOLDERS.map(async (templates) => {
      const names = await readdir(path.join(folder, templates)).catch((error) => {
        if (isMissing(error)) return [];
        throw error;
      });
      return names
        .filter((name) => name.endsWith('.jinja') && NAME_PATTERN.test(name))
        .map((name) => `${templates}/${name}`);
    }),
  );
  return found.flat().sort();
}

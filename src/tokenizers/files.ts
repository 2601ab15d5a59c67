import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { parseJson } from '../json/scan.js';
import { differenceOf } from './difference.js';
import {
  canonical,
  type Meaning,
  mergeLines,
  settingsMeaning,
  tokenIds,
  tokenizerMeaning,
  vocabularyLines,
} from './meaning.js';
import { sentencePieceMeaning } from './sentencepiece.js';

interface Format {
  read: (bytes: Buffer, file: string) => Meaning;
  /** Whether such a file states every token and part there is. */
  complete: boolean;
}

const json =
  (meaning: (value: unknown) => Meaning) =>
  (bytes: Buffer, file: string): Meaning =>
    meaning(parseJson(bytes.toString('utf8').replace(/^\ufeff/, ''), `"${file}"`));
const text = (meaning: (value: string) => Meaning) => (bytes: Buffer) => meaning(bytes.toString('utf8'));

/** What cannot be read as a SentencePiece model is compared byte by byte. */
function pieces(bytes: Buffer): Meaning {
  try {
    return sentencePieceMeaning(bytes);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return { parts: new Map([['content', canonical(bytes.toString('base64'))]]) };
  }
}

const FORMATS: Readonly<Record<string, Format>> = {
  'tokenizer.json': { read: json(tokenizerMeaning), complete: true },
  'vocab.json': { read: json(tokenIds), complete: true },
  'vocab.txt': { read: text(vocabularyLines), complete: true },
  'merges.txt': { read: text(mergeLines), complete: true },
  'added_tokens.json': { read: json(tokenIds), complete: true },
  'tokenizer.model': { read: pieces, complete: true },
  'spiece.model': { read: pieces, complete: true },
  'sentencepiece.bpe.model': { read: pieces, complete: true },
  'tokenizer_config.json': { read: json(settingsMeaning), complete: false },
  'special_tokens_map.json': { read: json(settingsMeaning), complete: false },
};

/** Files that decide which text an id stands for, and which ids a text gets. */
export const TOKENIZER_FILES: readonly string[] = Object.keys(FORMATS);

/** Files that state the same part: where no two sources have the same one, one is compared with the other. */
const EQUIVALENT: readonly { files: readonly string[]; part: 'vocabulary' | 'merges' }[] = [
  { files: ['tokenizer.json', 'vocab.json', 'vocab.txt'], part: 'vocabulary' },
  { files: ['tokenizer.json', 'merges.txt'], part: 'merges' },
  { files: ['tokenizer.model', 'spiece.model', 'sentencepiece.bpe.model'], part: 'vocabulary' },
];

export interface Difference {
  /** The file, or both where their names differ. */
  file: string;
  what: string;
}

/** What the tokenizers of two folders mean differently; null where they agree. Time and memory grow with the files. */
export async function tokenizerDifference(first: string, second: string): Promise<Difference | null> {
  const [a, b] = await Promise.all([meaningsIn(first), meaningsIn(second)]);
  for (const [file, meaning] of a) {
    const other = b.get(file);
    const what = other && differenceOf(meaning, other, FORMATS[file].complete);
    if (what) return { file, what };
  }
  for (const { files, part } of EQUIVALENT) {
    const [mine, theirs] = [a, b].map((all) => files.filter((file) => all.get(file)?.[part]));
    if (mine.length === 0 || theirs.length === 0 || mine.some((file) => theirs.includes(file))) continue;
    const only = (all: Map<string, Meaning>, file: string): Meaning => ({
      [part]: part === 'vocabulary' ? withAdded(all, file) : all.get(file)?.merges,
      parts: new Map(),
    });
    const what = differenceOf(only(a, mine[0]), only(b, theirs[0]), true);
    if (what) return { file: `${mine[0]} and ${theirs[0]}`, what };
  }
  return null;
}

async function meaningsIn(folder: string): Promise<Map<string, Meaning>> {
  const found = new Map<string, Meaning>();
  const names = new Set(await readdir(folder));
  for (const file of TOKENIZER_FILES)
    if (names.has(file)) found.set(file, FORMATS[file].read(await readFile(path.join(folder, file)), file));
  return found;
}

/** A vocabulary with the tokens that other files add to it. */
function withAdded(all: Map<string, Meaning>, file: string): Map<string, number> {
  const tokens = new Map(all.get(file)?.vocabulary);
  for (const adding of ['added_tokens.json', 'tokenizer_config.json'])
    for (const [token, id] of all.get(adding)?.vocabulary ?? []) tokens.set(token, id);
  return tokens;
}

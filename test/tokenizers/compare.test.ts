import { mkdtempSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkTokenizers } from '../../src/tokenizers/check.js';

type Files = Record<string, string | Uint8Array | object>;

function folder(files: Files): string {
  const location = mkdtempSync(path.join(os.tmpdir(), 'tokenizer-'));
  for (const [file, content] of Object.entries(files))
    writeFileSync(
      path.join(location, file),
      typeof content === 'string' || content instanceof Uint8Array ? content : JSON.stringify(content),
    );
  return location;
}

/** What is refused of two sources, or null. */
async function refusal(a: Files, b: Files): Promise<string | null> {
  const sources = [a, b].map((files, i) => ({ label: 'ab'[i], location: folder(files) }));
  return checkTokenizers(sources).then(
    () => null,
    (error) => `${error.code} ${error.errors[0].pointer} ${error.message}`,
  );
}

const bpe = {
  version: '1.0',
  truncation: null,
  padding: null,
  added_tokens: [
    { id: 4, content: '<s>', single_word: false, lstrip: false, rstrip: false, normalized: false, special: true },
    { id: 5, content: '</s>', single_word: false, lstrip: false, rstrip: false, normalized: false, special: true },
  ],
  normalizer: { type: 'Sequence', normalizers: [{ type: 'NFC' }, { type: 'Lowercase' }] },
  pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
  post_processor: { type: 'TemplateProcessing', special_tokens: { '<s>': { id: 4 }, '</s>': { id: 5 } } },
  decoder: { type: 'ByteLevel' },
  model: {
    type: 'BPE',
    dropout: null,
    unk_token: null,
    continuing_subword_prefix: '',
    end_of_word_suffix: '',
    fuse_unk: false,
    byte_fallback: false,
    vocab: { a: 0, b: 1, ab: 2, abab: 3 },
    merges: ['a b', 'ab ab'],
  },
};
const changed = (change: object, model: object = {}) => ({ ...bpe, ...change, model: { ...bpe.model, ...model } });

/** Fields of a protocol buffer. */
const bytesField = (number: number, value: Uint8Array) =>
  Buffer.concat([Buffer.from([number * 8 + 2, value.length]), value]);
const piece = (text: string, score: number, kind?: number) => {
  const value = Buffer.alloc(4);
  value.writeFloatLE(score);
  return bytesField(
    1,
    Buffer.concat([
      bytesField(1, Buffer.from(text)),
      Buffer.concat([Buffer.from([2 * 8 + 5]), value]),
      Buffer.from(kind === undefined ? [] : [3 * 8, kind]),
    ]),
  );
};
const trainedOn = (file: string) => bytesField(2, bytesField(1, Buffer.from(file)));

describe('tokenizers that mean the same', () => {
  it.each<[string, Files, Files]>([
    [
      'in another order and format, as another version of the library writes it',
      { 'tokenizer.json': JSON.stringify(bpe) },
      {
        'tokenizer.json': JSON.stringify(
          {
            ...changed(
              {
                truncation: { max_length: 5 },
                added_tokens: [...bpe.added_tokens].reverse(),
                pre_tokenizer: { trim_offsets: false, type: 'ByteLevel', add_prefix_space: false },
              },
              {
                merges: [
                  ['a', 'b'],
                  ['ab', 'ab'],
                ],
                vocab: { abab: 3, ab: 2, b: 1, a: 0 },
                ignore_merges: false,
                continuing_subword_prefix: null,
              },
            ),
          },
          null,
          4,
        ),
      },
    ],
    [
      'as tokenizer.json and as vocabulary and merges',
      { 'tokenizer.json': bpe },
      {
        'vocab.json': { ab: 2, abab: 3, b: 1, a: 0 },
        'added_tokens.json': { '<s>': 4, '</s>': 5 },
        'merges.txt': '#version: 0.2\na b\nab ab\n',
      },
    ],
    ['with other line ends', { 'vocab.txt': '[PAD]\na\nb\n' }, { 'vocab.txt': '[PAD]\r\na\r\nb' }],
    [
      'with special tokens as text or as objects, and one that only one of them names',
      { 'special_tokens_map.json': { eos_token: '</s>', pad_token: '</s>' } },
      { 'special_tokens_map.json': { eos_token: { content: '</s>', lstrip: false } } },
    ],
    [
      'SentencePiece models trained on files of other names',
      { 'tokenizer.model': Buffer.concat([piece('<unk>', 0, 2), piece('▁a', -1), trainedOn('x.txt')]) },
      { 'spiece.model': Buffer.concat([trainedOn('y.txt'), piece('<unk>', 0, 2), piece('▁a', -1)]) },
    ],
    ['where one source has none', { 'tokenizer.json': bpe }, {}],
  ])('%s', async (_, a, b) => {
    expect(await refusal(a, b)).toBeNull();
    expect(await refusal(b, a)).toBeNull();
  });
});

describe('tokenizers that differ are refused, naming what differs', () => {
  it.each<[string, Files, Files, RegExp]>([
    [
      'an id',
      { 'tokenizer.json': bpe },
      { 'tokenizer.json': changed({}, { vocab: { a: 1, b: 0, ab: 2, abab: 3 } }) },
      /token "a" has id 0 in the first and id 1 in the second/,
    ],
    [
      'a token',
      { 'tokenizer.json': bpe },
      { 'tokenizer.json': changed({}, { vocab: { ...bpe.model.vocab, c: 6 } }) },
      /token "c" has no id in the first and id 6/,
    ],
    [
      'merges',
      { 'tokenizer.json': bpe },
      { 'tokenizer.json': changed({}, { merges: ['ab ab', 'a b'] }) },
      /merge of rank 0 is "a b" in the first and "ab ab"/,
    ],
    [
      'normalizer',
      { 'tokenizer.json': bpe },
      { 'tokenizer.json': changed({ normalizer: { type: 'NFC' } }) },
      /normalizer is .*Lowercase.* in the first and/,
    ],
    [
      'pre-tokenizer',
      { 'tokenizer.json': bpe },
      { 'tokenizer.json': changed({ pre_tokenizer: { type: 'Whitespace' } }) },
      /pre_tokenizer/,
    ],
    [
      'post-processor',
      { 'tokenizer.json': bpe },
      { 'tokenizer.json': changed({ post_processor: null }) },
      /post_processor/,
    ],
    [
      'an added token',
      { 'tokenizer.json': bpe },
      {
        'tokenizer.json': changed({ added_tokens: [{ ...bpe.added_tokens[0], special: false }, bpe.added_tokens[1]] }),
      },
      /added token "<s>"/,
    ],
    [
      'its id',
      { 'added_tokens.json': { '<x>': 7 } },
      { 'added_tokens.json': { '<x>': 8 } },
      /added_tokens.json: token "<x>" has id 7 in the first and id 8/,
    ],
    [
      'in files of other names',
      { 'tokenizer.json': bpe },
      { 'vocab.json': { a: 0, b: 1, ab: 3, abab: 2 }, 'added_tokens.json': { '<s>': 4, '</s>': 5 } },
      /tokenizer.json and vocab.json: token "ab" has id 2 in the first and id 3/,
    ],
    ['vocab.txt', { 'vocab.txt': 'a\nb\n' }, { 'vocab.txt': 'b\na\n' }, /token "a" has id 0 in the first and id 1/],
    [
      'a special token',
      { 'tokenizer_config.json': { eos_token: '</s>' } },
      { 'tokenizer_config.json': { eos_token: '<end>' } },
      /eos_token/,
    ],
    [
      'case',
      { 'tokenizer_config.json': { do_lower_case: true } },
      { 'tokenizer_config.json': { do_lower_case: false } },
      /do_lower_case/,
    ],
    [
      'pieces',
      { 'tokenizer.model': Buffer.concat([piece('<unk>', 0, 2), piece('a', -1), piece('b', -2)]) },
      { 'tokenizer.model': Buffer.concat([piece('<unk>', 0, 2), piece('b', -1), piece('a', -2)]) },
      /token "a" has id 1 in the first and id 2/,
    ],
    ['scores', { 'spiece.model': piece('a', -1) }, { 'spiece.model': piece('a', -3) }, /score of id 0/],
    [
      'what is no tokenizer at all',
      { 'tokenizer.model': Buffer.from([1, 2, 3]) },
      { 'tokenizer.model': Buffer.from([1, 2, 4]) },
      /content/,
    ],
  ])('%s', async (_, a, b, words) => {
    const said = await refusal(a, b);
    expect(said).toMatch(/^tokenizers_differ \/sources\/1 The tokenizers of a and b differ in /);
    expect(said).toMatch(words);
  });

  it('a file that is not JSON is refused as such', async () => {
    expect(await refusal({ 'tokenizer.json': bpe }, { 'tokenizer.json': '{"model": ' })).toMatch(/^json_invalid/);
  });
});

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

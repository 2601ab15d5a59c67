/** Names of checkpoints and files: one path segment, no leading dot, nothing a shell or file system could misread. */
export const NAME_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/** Folders in which transformers keeps chat templates beside the one a tokenizer uses by default; the latter is older. */
export const TEMPLATE_FOLDERS = ['additional_chat_templates', 'chat_templates'] as const;

/** Files of checkpoints and results: a name, or one in a folder of chat templates. */
export const MODEL_FILE_PATTERN = new RegExp(`^(?:(?:${TEMPLATE_FOLDERS.join('|')})/)?${NAME_PATTERN.source.slice(1)}`);

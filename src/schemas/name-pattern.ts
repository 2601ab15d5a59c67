/** Names of checkpoints and files: one path segment, no leading dot, nothing a shell or file system could misread. */
export const NAME_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

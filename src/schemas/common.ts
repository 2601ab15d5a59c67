import { z } from 'zod';
import { MODEL_FILE_PATTERN, NAME_PATTERN, TEMPLATE_FOLDERS } from './name-pattern.js';
import { PRINTABLE, PRINTABLE_RULE } from './printable.js';

// What zod would say of these is the name of a type: "received undefined", "received NaN".
z.config({
  customError: (issue) => {
    if (issue.code !== 'invalid_type') return undefined;
    if (issue.input === undefined) return 'is missing';
    return Number.isNaN(issue.input) ? 'must be a number' : undefined;
  },
});

const NAME_HINT = 'must be 1–128 letters, digits, ".", "_" or "-", starting with a letter or digit';

export const checkpointName = z.string().regex(NAME_PATTERN, NAME_HINT).describe('Name of an uploaded checkpoint.');
export const fileName = z.string().regex(NAME_PATTERN, NAME_HINT).describe('Name of one file; no folders.');
/** A file of a checkpoint or result. */
export const modelFileName = z
  .string()
  .regex(
    MODEL_FILE_PATTERN,
    `${NAME_HINT}, if need be behind ${TEMPLATE_FOLDERS.map((folder) => `${folder}/`).join(' or ')}`,
  )
  .describe(
    'Name of one file; no folders but those of chat templates, e.g. `additional_chat_templates/tool_use.jinja` (in a URL with %2F for the slash).',
  );
/** Tensor names are the sources' own; control characters have no business in them. */
export const tensorName = z
  .string()
  .min(1)
  .max(512)
  .regex(PRINTABLE, PRINTABLE_RULE)
  .describe('Name of a tensor, as in the safetensors header.');

export const jobId = z
  .string()
  .regex(/^job_[0-9A-HJKMNP-TV-Z]{26}$/, 'must look like job_ followed by 26 characters')
  .describe('Identifier of a job; sorts by creation time.');

/** Compute backends by name; `auto` is the fastest a worker has. */
export const BACKENDS = ['auto', 'cpu', 'cuda', 'tfjs'] as const;
export type BackendName = (typeof BACKENDS)[number];

export const timestamp = z.string().meta({ format: 'date-time', description: 'RFC 3339 time, UTC.' });
export const byteCount = z.number().int().min(0).describe('Bytes.');
export const seconds = z.number().min(0).describe('Seconds.');
export const shape = z.array(z.number().int().min(0)).describe('Tensor shape, row-major.');
/** Errors and energies: null where not defined (e.g. a ratio to a bound of zero). */
export const ratio = z.number().nullable();

import { z } from 'zod';
import { checkpointName } from './common.js';
import { PRINTABLE, PRINTABLE_RULE } from './printable.js';

const range = z
  .tuple([z.number().int().min(0), z.number().int().min(1)])
  .refine(([from, to]) => from < to, 'must be [from, to) with from < to')
  .describe('Half-open range [from, to).');

const slice = {
  columns: range.optional().describe('Columns of the source tensor to use, half-open. Default all.'),
  rows: range.optional().describe('Rows of the source tensor to use, half-open. Default all.'),
};

const CheckpointSourceSchema = z
  .strictObject({ checkpoint: checkpointName, ...slice })
  .meta({ id: 'CheckpointSource', description: 'A model that was uploaded.' });

const UriSourceSchema = z
  .strictObject({
    uri: z
      .string()
      .max(4096)
      .regex(/^(file|https?|hf|s3):\/\//, 'must start with file://, https://, hf:// or s3://')
      .regex(PRINTABLE, PRINTABLE_RULE)
      .refine((uri) => !/^file:\/\/[^/]*@/.test(uri), 'must not hold credentials: specs are stored and shown')
      .refine(
        (uri) => uri.startsWith('file:') || !/[?#]|\/\/[^/]*@[^/]*(\/|$)/.test(uri.replace(/^hf:\/\/[^@]*@/, 'hf://')),
        {
          error: 'must hold neither credentials nor a query: specs are stored and shown',
        },
      )
      .describe(
        'A folder or .safetensors file: file:///models/b (under one of SOURCE_ROOTS), https://host/folder, ' +
          'hf://org/name@revision, s3://bucket/prefix (under one of S3_SOURCES).',
      ),
    ...slice,
  })
  .meta({ id: 'UriSource', description: 'A model that lies elsewhere.' });

export const SourceSchema = z
  .union([CheckpointSourceSchema, UriSourceSchema], {
    error: 'must be {"checkpoint": NAME} or {"uri": ADDRESS}, with rows or columns for a slice',
  })
  .meta({ id: 'Source', description: 'Where one source model is read from.' });
export type Source = z.infer<typeof SourceSchema>;

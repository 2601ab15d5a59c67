import { z } from 'zod';
import { byteCount, checkpointName, shape, timestamp } from './common.js';

export const CheckpointFileSchema = z
  .strictObject({
    file: z.string(),
    size: byteCount,
    sha256: z.string().regex(/^[0-9a-f]{64}$/),
    created_at: timestamp,
  })
  .meta({ id: 'CheckpointFile' });
export type CheckpointFile = z.infer<typeof CheckpointFileSchema>;

export const CheckpointSummarySchema = z
  .strictObject({
    name: checkpointName,
    object: z.literal('checkpoint'),
    size: byteCount,
    created_at: timestamp,
    file_count: z.number().int(),
  })
  .meta({ id: 'CheckpointSummary' });

const TensorInfoSchema = z
  .strictObject({ name: z.string(), dtype: z.string(), shape, file: z.string() })
  .meta({ id: 'TensorInfo', description: 'A tensor, from the header of the file that holds it.' });

export const CheckpointSchema = z
  .strictObject({
    name: checkpointName,
    object: z.literal('checkpoint'),
    size: byteCount,
    created_at: timestamp,
    files: z.array(CheckpointFileSchema),
    missing_files: z.array(z.string()).describe('Shards an index names that are not uploaded yet.'),
    family: z.string().nullable().describe('From config.json; null where it does not say.'),
    tensors: z.array(TensorInfoSchema),
  })
  .meta({ id: 'Checkpoint' });
export type Checkpoint = z.infer<typeof CheckpointSchema>;

export const CheckpointListSchema = z
  .strictObject({
    object: z.literal('list'),
    data: z.array(CheckpointSummarySchema),
    first_id: checkpointName.nullable(),
    last_id: checkpointName.nullable(),
    has_more: z.boolean(),
  })
  .meta({ id: 'CheckpointList' });

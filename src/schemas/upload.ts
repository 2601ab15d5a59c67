import { z } from 'zod';
import { checkpointName, modelFileName } from './common.js';

export const uploadId = z
  .string()
  .regex(/^[0-9a-f]{32}$/, 'must be the 32 hexadecimal digits an upload was given')
  .describe('Identifier of a resumable upload.');

/** What `Upload-Metadata` must say of an upload; clients send more (a media type, say), which is of no interest. */
export const UploadMetadataSchema = z.object({
  checkpoint: checkpointName,
  filename: modelFileName,
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/i, 'must be 64 hexadecimal digits')
    .optional(),
});
export type UploadMetadata = z.infer<typeof UploadMetadataSchema>;

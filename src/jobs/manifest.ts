import path from 'node:path';
import { z } from 'zod';
import { WeightfoldError } from '../errors.js';
import { DamagedFile, readJson } from '../store/read-json.js';

/** Inside a published artifacts folder: size and hash of every file, moved into place together with them. */
export const MANIFEST_FILE = '.manifest.json';

const ManifestSchema = z.record(
  z.string(),
  z.looseObject({ size: z.number().int().min(0), sha256: z.string().regex(/^[0-9a-f]{64}$/) }),
);
export type Manifest = Record<string, { size: number; sha256: string }>;

/** A published file is not the one that was published. */
export const artifactDamaged = (subject: string, reason: string, cause?: unknown) =>
  new WeightfoldError(`${subject} is damaged: ${reason}. Delete the job and submit its spec again.`, {
    code: 'artifact_damaged',
    status: 410,
    cause,
  });

/** Undefined where nothing is published. @throws WeightfoldError `artifact_damaged` */
export const readManifest = (artifacts: string): Promise<Manifest | undefined> =>
  readJson<Manifest>(path.join(artifacts, MANIFEST_FILE), (value) => ManifestSchema.safeParse(value).success).catch(
    (error) => {
      throw error instanceof DamagedFile
        ? artifactDamaged('The list of the result’s files', error.message, error)
        : error;
    },
  );

import { WeightfoldError } from '../errors.js';
import { DamagedFile, readJson } from '../store/read-json.js';

/** The files of a job cannot be understood: nothing can be done with it but to delete it. */
export const jobDamaged = (id: string, reason: string, cause?: unknown) =>
  new WeightfoldError(
    `Job ${id} is damaged: ${reason}. Delete it (DELETE /v1/jobs/${id}), then submit its spec again.`,
    { code: 'job_damaged', status: 410, cause },
  );

export const isJobDamaged = (error: unknown): error is WeightfoldError =>
  error instanceof WeightfoldError && error.code === 'job_damaged';

/** Parsed content of a file of a job, or undefined where there is none. @throws WeightfoldError `job_damaged` */
export const readJobFile = <T extends object>(
  id: string,
  file: string,
  isSound?: (value: unknown) => boolean,
): Promise<T | undefined> =>
  readJson<T>(file, isSound).catch((error) => {
    throw error instanceof DamagedFile ? jobDamaged(id, error.message, error) : error;
  });

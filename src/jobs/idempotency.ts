import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { WeightfoldError } from '../errors.js';
import { createExclusive } from '../store/files.js';
import { layout } from '../store/layout.js';
import { DamagedFile, readJson } from '../store/read-json.js';

interface Claim {
  job_id: string;
  body_sha256: string;
}

/**
 * Bind an Idempotency-Key to a job id before the job exists. The same key with the same body gives the id bound first,
 * whoever asks, and whatever crashed in between.
 * @throws WeightfoldError `idempotency_key_reused` for another body
 */
export async function claimKey(dataDir: string, key: string, body: unknown, jobId: string): Promise<string> {
  const claim: Claim = { job_id: jobId, body_sha256: sha256(canonical(body)) };
  if (await createExclusive(fileOf(dataDir, key), JSON.stringify(claim))) return jobId;
  return (await claimedBefore(dataDir, key, body)) ?? jobId;
}

/**
 * The job id a key was bound to, if it was.
 * @throws WeightfoldError `idempotency_key_reused` for another body
 */
export async function claimedBefore(dataDir: string, key: string, body: unknown): Promise<string | undefined> {
  const earlier = await readJson<Claim>(fileOf(dataDir, key)).catch((error) => {
    // Whether the job is the same one can no longer be told.
    throw error instanceof DamagedFile ? reused('before, and the record of that is damaged', error) : error;
  });
  if (earlier && earlier.body_sha256 !== sha256(canonical(body))) throw reused('with another body');
  return earlier?.job_id;
}

const reused = (how: string, cause?: unknown) =>
  new WeightfoldError(`This Idempotency-Key was used ${how}. Use a new key for a new job.`, {
    code: 'idempotency_key_reused',
    status: 422,
    cause,
  });

/** What a key's claim is known by. */
export const claimOf = (key: string): string => sha256(key);

/** Let a key go, with the job it is bound to. */
export async function releaseKey(dataDir: string, claim: string): Promise<void> {
  await rm(path.join(layout(dataDir).idempotency, `${claim}.json`), { force: true });
}

const fileOf = (dataDir: string, key: string) => path.join(layout(dataDir).idempotency, `${claimOf(key)}.json`);

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

/** JSON with sorted keys: equal for equal values, however the client ordered them. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) =>
    item !== null && typeof item === 'object' && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
      : item,
  );
}

import { z } from 'zod';

/** Bytes of a signing secret, by Standard Webhooks. */
const LEAST_BYTES = 24;
const MOST_BYTES = 64;

/** Signing secrets, `whsec_` and Base64 each, separated by commas: while one replaces another both sign. */
export const webhookSecrets = z
  .string()
  .default('')
  .transform((text) => text.split(',').flatMap((secret) => secret.trim() || []))
  .refine(
    (secrets) => secrets.every(isSecret),
    `must be whsec_ and ${LEAST_BYTES} to ${MOST_BYTES} bytes in Base64; several are separated by ","`,
  );

function isSecret(secret: string): boolean {
  const base64 = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret)?.[1];
  if (base64 === undefined || base64.length % 4 !== 0) return false;
  const { length } = Buffer.from(base64, 'base64');
  return length >= LEAST_BYTES && length <= MOST_BYTES;
}

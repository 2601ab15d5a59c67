import { createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';
import { NAME_PATTERN } from '../schemas/name-pattern.js';
import { SCOPES } from './scopes.js';

/** Tells the service's keys from other secrets, for people and for secret scanners. */
const KEY_PREFIX = 'wf_';
/** 256 random bits: out of reach of guessing, so one round of SHA-256 keeps them safe at rest. */
const KEY_BYTES = 32;
/** A key from the environment is made by somebody else; below 32 characters it may be a word. */
export const KEY_PATTERN = /^wf_[A-Za-z0-9_-]{32,128}$/;
/** Characters of a key that lists show, so that people know which one they hold: 24 of its 256 bits. */
const SHOWN_CHARACTERS = KEY_PREFIX.length + 4;

export const keyName = z
  .string()
  .regex(NAME_PATTERN, 'must be 1–128 letters, digits, ".", "_" or "-", starting with a letter or digit');
export const scopeName = z.enum(SCOPES);

/** What is kept of a key: never the key itself. */
export const ApiKeySchema = z.strictObject({
  id: z.string(),
  name: keyName,
  scope: scopeName,
  starts_with: z.string(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  created_at: z.string(),
  revoked_at: z.string().nullable(),
});
export type ApiKey = z.infer<typeof ApiKeySchema>;

export const newKey = (): string => `${KEY_PREFIX}${randomBytes(KEY_BYTES).toString('base64url')}`;

export const digestOf = (key: string): Buffer => createHash('sha256').update(key).digest();

/** What may be shown and kept of a key. */
export const traitsOf = (key: string) => ({
  starts_with: key.slice(0, SHOWN_CHARACTERS),
  sha256: digestOf(key).toString('hex'),
});

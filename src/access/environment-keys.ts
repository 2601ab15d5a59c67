import { z } from 'zod';
import { type ApiKey, KEY_PATTERN, keyName, scopeName, traitsOf } from './api-key.js';

const EntrySchema = z.tuple([
  keyName,
  scopeName,
  z.string().regex(KEY_PATTERN, 'a key is wf_ and 32 to 128 letters, digits, "_" or "-"'),
]);

/** Keys as `API_KEYS` gives them: `name:scope:key`, separated by commas. Only their hashes go on from here. */
export const environmentKeys = z
  .string()
  .default('')
  .transform((text, context): ApiKey[] =>
    text
      .split(',')
      .map((entry) => entry.trim())
      .filter((entry) => entry !== '')
      .flatMap((entry, i) => {
        const parsed = EntrySchema.safeParse(entry.split(':'));
        if (!parsed.success) {
          const [{ message }] = parsed.error.issues;
          context.addIssue(`entry ${i + 1} must read name:scope:key with scope read, submit or admin (${message})`);
          return [];
        }
        const [name, scope, key] = parsed.data;
        return [{ id: `env_${name}`, name, scope, ...traitsOf(key), created_at: '', revoked_at: null }];
      }),
  );

import { timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import lockfile from 'proper-lockfile';
import { ulid } from 'ulid';
import { z } from 'zod';
import { ConflictError, NotFoundError, WeightfoldError } from '../errors.js';
import { openFolder } from '../store/data-folder.js';
import { isMissing, writeAtomic } from '../store/files.js';
import { layout } from '../store/layout.js';
import { type ApiKey, ApiKeySchema, digestOf, newKey, traitsOf } from './api-key.js';
import type { Scope } from './scopes.js';

/** A key that was made or revoked counts from this long after: no restart, and no file is read per request. */
const FRESH_MS = 1_000;
/** A lock whose holder died is taken over after this long. */
const LOCK_STALE_MS = 10_000;

const KeyFileSchema = z.strictObject({ keys: z.array(ApiKeySchema) });

interface Known {
  keys: ApiKey[];
  digests: { key: ApiKey; sha256: Buffer }[];
}

/** API keys: those of a file under DATA_DIR, which the `keys` command writes, and those of the environment. */
export class KeyStore {
  private readonly file: string;
  private readonly fixed: readonly ApiKey[];
  /** Read at `performance.now()`: a wall clock that is set back must not keep a revoked key alive. */
  private known: { at: number; keys: Promise<Known>; some?: boolean } | undefined;
  /** Once there was a file, a missing one is a fault (an unmounted disk), not an open door. */
  private seen = false;

  constructor(dataDir: string, fixed: readonly ApiKey[]) {
    this.file = layout(dataDir).keys;
    this.fixed = fixed;
  }

  /** Every key there ever was, revoked ones too. @throws WeightfoldError `keys_unavailable` */
  async list(): Promise<ApiKey[]> {
    return [...this.fixed, ...(await this.read())];
  }

  /** Whether requests need a key. Revoked ones count: revoking the last key must not open the service. */
  async exist(): Promise<boolean> {
    return (await this.recent()).keys.length > 0;
  }

  /** As `exist`, where it was read a moment ago; else undefined. */
  existNow(): boolean | undefined {
    return this.known && performance.now() - this.known.at <= FRESH_MS ? this.known.some : undefined;
  }

  /** The key a request presents, unless it is unknown or revoked. */
  async find(presented: string): Promise<ApiKey | undefined> {
    const { digests } = await this.recent();
    const digest = digestOf(presented);
    // Every key is compared in constant time and none is skipped: the time says nothing about any of them.
    let found: ApiKey | undefined;
    for (const { key, sha256 } of digests) if (timingSafeEqual(sha256, digest)) found = key;
    return found;
  }

  /**
   * Make a key. Its text is returned once and kept nowhere.
   * @throws ConflictError `key_name_taken`
   */
  async create(name: string, scope: Scope): Promise<{ text: string; key: ApiKey }> {
    const text = newKey();
    const key: ApiKey = {
      id: `key_${ulid()}`,
      name,
      scope,
      ...traitsOf(text),
      created_at: new Date().toISOString(),
      revoked_at: null,
    };
    await this.change((keys) => {
      if ([...this.fixed, ...keys].some((other) => other.name === name && other.revoked_at === null))
        throw new ConflictError('key_name_taken', `There is a key named "${name}"; revoke it or choose another name.`);
      return [...keys, key];
    });
    return { text, key };
  }

  /** Revoke a key by its id or name. @throws NotFoundError `key_not_found` */
  async revoke(idOrName: string): Promise<ApiKey> {
    let revoked: ApiKey | undefined;
    await this.change((keys) =>
      keys.map((key) => {
        if (key.revoked_at !== null || (key.id !== idOrName && key.name !== idOrName)) return key;
        revoked = { ...key, revoked_at: new Date().toISOString() };
        return revoked;
      }),
    );
    if (!revoked)
      throw new NotFoundError('key_not_found', `No key with the id or name "${idOrName}" can be revoked here.`);
    return revoked;
  }

  private async change(edit: (keys: ApiKey[]) => ApiKey[]): Promise<void> {
    await openFolder('DATA_DIR', path.dirname(this.file));
    const release = await lockfile.lock(this.file, { realpath: false, stale: LOCK_STALE_MS, retries: 5 });
    try {
      await writeAtomic(this.file, `${JSON.stringify({ keys: edit(await this.read()) }, null, 2)}\n`);
      this.known = undefined;
    } finally {
      await release();
    }
  }

  private recent(): Promise<Known> {
    if (!this.known || performance.now() - this.known.at > FRESH_MS) {
      const keys = this.list().then((all) => ({
        keys: all,
        digests: all
          .filter(({ revoked_at }) => revoked_at === null)
          .map((key) => ({ key, sha256: Buffer.from(key.sha256, 'hex') })),
      }));
      const known: KeyStore['known'] = { at: performance.now(), keys };
      keys.then(
        (all) => {
          known.some = all.keys.length > 0;
        },
        () => {},
      );
      this.known = known;
    }
    return this.known.keys;
  }

  private async read(): Promise<ApiKey[]> {
    try {
      const { keys } = KeyFileSchema.parse(JSON.parse(await readFile(this.file, 'utf8')));
      this.seen = true;
      return keys;
    } catch (error) {
      if (isMissing(error) && !this.seen) return [];
      throw new WeightfoldError('The API keys cannot be read (keys.json in DATA_DIR), so nobody is let in.', {
        code: 'keys_unavailable',
        status: 503,
        retryable: true,
        cause: error,
      });
    }
  }
}

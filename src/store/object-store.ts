import type { Readable } from 'node:stream';
import { NotFoundError, WeightfoldError } from '../errors.js';
import type { WrittenFile } from '../safetensors/writer.js';

/**
 * Where whole files are kept, by key: `a/b/c`, segments of letters, digits, ".", "_" and "-".
 *
 * Five verbs. Left out, because not every store has them or none is needed: renaming, appending, writing only where
 * nothing is, metadata, permissions. Who may write a key is decided elsewhere, by the records of jobs; every writer uses
 * keys of its own.
 */
export interface ObjectStore {
  /** What it is called where results say where they are; the same for every process of an installation. */
  readonly url: string;
  /**
   * Store a file; whatever was there is replaced, as a whole. A body that fails leaves everything as it was.
   * @param size how many bytes will come, where that is known; only how they are sent goes by it
   */
  put(key: string, body: Readable, size?: number): Promise<WrittenFile>;
  /** The bytes, or those of a range (both ends included). @throws NotFoundError */
  get(key: string, range?: { start: number; end: number }): Promise<Readable>;
  /** @returns undefined where there is nothing */
  size(key: string): Promise<number | undefined>;
  /** Keys below `folder`, in any order. */
  list(folder: string): AsyncIterable<string>;
  /** Remove everything below `folder`; nothing there is no error. */
  delete(folder: string): Promise<void>;
}

const KEY = /^[A-Za-z0-9._-]+(\/[A-Za-z0-9._-]+)*$/;

/** @throws Error for a key that could lead elsewhere: keys are made here, so that is a defect */
export function checkKey(key: string): string {
  if (!KEY.test(key) || key.split('/').some((part) => part === '.' || part === '..'))
    throw new Error(`"${key}" is not a key.`);
  return key;
}

export const objectMissing = (key: string) => new NotFoundError('artifact_not_found', `The store has no "${key}".`);

/** The store did not answer, or refused: worth another attempt. */
export const storeUnavailable = (detail: string) =>
  new WeightfoldError(`The store of artifacts cannot be used: ${detail}.`, {
    code: 'store_unavailable',
    status: 503,
    retryable: true,
    retryAfter: 5,
  });

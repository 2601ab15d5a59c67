import { createHash } from 'node:crypto';
import type { WriteStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { WeightfoldError } from '../errors.js';

export interface UploadOptions {
  /** Size the client announced, if it did. */
  contentLength?: number;
  /** SHA-256 the client announced (Content-Digest), raw. */
  sha256?: Uint8Array;
  maxBytes: number;
  maxHeaderBytes: number;
  /** Asked once everything has arrived and is in order; a refusal leaves things as they were. */
  beforeCommit?: () => Promise<void>;
}

/**
 * Write a body to `file`, hash it on the way, hold it against what was announced, and wait until it is on the disk.
 * @param target path of `file`
 * @throws WeightfoldError `upload_too_large`, `upload_truncated`, `digest_mismatch`, `storage_full`
 */
export async function receive(
  body: Readable,
  file: FileHandle,
  target: string,
  options: UploadOptions,
): Promise<{ size: number; sha256: string }> {
  const hash = createHash('sha256');
  let size = 0;
  const tooLarge = () =>
    new WeightfoldError(`The file is larger than ${options.maxBytes} bytes (MAX_UPLOAD_BYTES).`, {
      code: 'upload_too_large',
      status: 413,
    });
  const output = file.createWriteStream();
  if ((options.contentLength ?? 0) > options.maxBytes) {
    await closed(output);
    throw tooLarge();
  }
  try {
    await pipeline(
      body,
      async function* (source: AsyncIterable<Buffer>) {
        for await (const chunk of source) {
          size += chunk.length;
          if (size > options.maxBytes) throw tooLarge();
          hash.update(chunk);
          yield chunk;
        }
      },
      output,
    );
  } catch (error) {
    await closed(output);
    if (error instanceof WeightfoldError) throw error;
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOSPC')
      throw new WeightfoldError('The store is full.', {
        code: 'storage_full',
        status: 507,
        retryable: true,
        cause: error,
      });
    if (code === 'ECONNRESET' || code === 'ERR_STREAM_PREMATURE_CLOSE') throw truncated(size, options.contentLength);
    throw error;
  }
  if (options.contentLength !== undefined && size !== options.contentLength)
    throw truncated(size, options.contentLength);
  const digest = hash.digest();
  requireDigest(options.sha256, digest);
  const handle = await open(target, 'r+');
  await handle.sync();
  await handle.close();
  return { size, sha256: digest.toString('hex') };
}

/** Wait until a stream's file is closed. Why the stream failed has been said by what wrote to it. */
const closed = (stream: WriteStream) =>
  new Promise<void>((resolve) => {
    if (stream.closed) return resolve();
    stream.once('close', resolve).once('error', () => {});
    stream.destroy();
  });

/** @throws WeightfoldError `digest_mismatch` unless a file is what was announced, if anything was */
export function requireDigest(announced: Uint8Array | undefined, received: Buffer): void {
  if (!announced || received.equals(announced)) return;
  throw new WeightfoldError(
    `The digest does not match: announced sha-256 ${Buffer.from(announced).toString('hex')}, received ${received.toString('hex')}. Nothing was stored.`,
    { code: 'digest_mismatch', status: 400 },
  );
}

const truncated = (size: number, expected: number | undefined) =>
  new WeightfoldError(
    `The upload ended after ${size} bytes${expected === undefined ? '' : ` of ${expected}`}. Nothing was stored.`,
    {
      code: 'upload_truncated',
      status: 400,
      retryable: true,
    },
  );

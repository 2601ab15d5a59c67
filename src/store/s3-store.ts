import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import {
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  type S3Client,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import type { WrittenFile } from '../safetensors/writer.js';
import { observe } from './file-store.js';
import { checkKey, type ObjectStore, objectMissing, storeUnavailable } from './object-store.js';
import { s3Status } from './s3-client.js';

/** Parts of a multipart upload, of which PARALLEL_PARTS are in memory at a time: what a worker has to spare. */
const PART_BYTES = 8 * 1024 * 1024;
const PARALLEL_PARTS = 3;
/** As many as S3 allows, so that files beyond 80 GB have larger parts. */
const MOST_PARTS = 10_000;
/** Of a file of unknown size: up to 640 GB. */
const UNKNOWN_PART_BYTES = 64 * 1024 * 1024;

/** Objects below one prefix of a bucket. Larger ones are uploaded in parts and appear when the last has arrived. */
export class S3Store implements ObjectStore {
  readonly url: string;
  private readonly client: S3Client;
  private readonly bucket: string;
  private readonly prefix: string;

  constructor(client: S3Client, bucket: string, prefix: string) {
    this.client = client;
    this.bucket = bucket;
    this.prefix = prefix === '' ? '' : `${prefix}/`;
    this.url = `s3://${bucket}/${prefix}`;
  }

  async put(key: string, body: Readable, expected?: number): Promise<WrittenFile> {
    const hash = createHash('sha256');
    let size = 0;
    let failure: Error | undefined;
    const read = observe(hash, (bytes) => {
      size += bytes;
    });
    body.once('error', (error) => {
      failure = error;
    });
    const upload = new Upload({
      client: this.client,
      params: { ...this.where(key), Body: Readable.from(read(body)) },
      partSize: partBytes(expected),
      queueSize: PARALLEL_PARTS,
      leavePartsOnError: false,
    });
    try {
      await upload.done();
    } catch (error) {
      throw failure ?? unavailable(error);
    }
    return { size, sha256: hash.digest('hex') };
  }

  async get(key: string, range?: { start: number; end: number }): Promise<Readable> {
    const where = this.where(key);
    const Range = range && `bytes=${range.start}-${range.end}`;
    try {
      const { Body } = await this.client.send(new GetObjectCommand({ ...where, Range }));
      return Body as Readable;
    } catch (error) {
      if (s3Status(error) !== 404) throw unavailable(error);
      await this.requireBucket();
      throw objectMissing(key);
    }
  }

  async size(key: string): Promise<number | undefined> {
    const where = this.where(key);
    try {
      return (await this.client.send(new HeadObjectCommand(where))).ContentLength;
    } catch (error) {
      if (s3Status(error) !== 404) throw unavailable(error);
      await this.requireBucket();
      return undefined;
    }
  }

  /** Where the bucket itself is missing, nothing can be said of its objects. */
  private async requireBucket(): Promise<void> {
    await this.client.send(new HeadBucketCommand({ Bucket: this.bucket })).catch((error) => {
      throw unavailable(error);
    });
  }

  async *list(folder: string): AsyncIterable<string> {
    const Prefix = `${this.prefix}${checkKey(folder)}/`;
    let ContinuationToken: string | undefined;
    do {
      const page = await this.client
        .send(new ListObjectsV2Command({ Bucket: this.bucket, Prefix, ContinuationToken }))
        .catch((error) => {
          throw unavailable(error);
        });
      for (const { Key } of page.Contents ?? []) if (Key) yield Key.slice(this.prefix.length);
      ContinuationToken = page.IsTruncated ? page.NextContinuationToken : undefined;
    } while (ContinuationToken !== undefined);
  }

  async delete(folder: string): Promise<void> {
    // A page of keys at a time: as many as one request deletes.
    for (;;) {
      const keys: string[] = [];
      for await (const key of this.list(folder)) if (keys.push(key) === 1000) break;
      if (keys.length === 0) return;
      const Objects = keys.map((key) => ({ Key: this.prefix + key }));
      const { Errors } = await this.client
        .send(new DeleteObjectsCommand({ Bucket: this.bucket, Delete: { Objects, Quiet: true } }))
        .catch((error) => {
          throw unavailable(error);
        });
      if (Errors?.length) throw unavailable({ name: Errors[0].Code ?? 'objects were not deleted' });
    }
  }

  private where(key: string) {
    return { Bucket: this.bucket, Key: this.prefix + checkKey(key) };
  }
}

const partBytes = (size: number | undefined) =>
  size === undefined ? UNKNOWN_PART_BYTES : Math.max(PART_BYTES, Math.ceil(size / MOST_PARTS));

/** The SDK's errors hold the request, signature included: only name and status go on. */
function unavailable(error: unknown): Error {
  const status = s3Status(error);
  return storeUnavailable(`${(error as Error).name}${status === undefined ? '' : `, status ${status}`}`);
}

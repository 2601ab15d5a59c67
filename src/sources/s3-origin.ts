import type { Readable } from 'node:stream';
import { GetObjectCommand, HeadObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { s3Status } from '../store/s3-client.js';
import { SourceUnavailable, sourceChanged, sourceRefused } from './error.js';
import type { Origin, RemoteFile } from './origin.js';

/** Objects below one prefix of a bucket. */
export class S3Origin implements Origin {
  readonly label: string;
  readonly file: string | undefined;
  readonly revision = null;
  private readonly client: S3Client;
  private readonly bucket: string;
  private readonly folder: string;

  /** @param folder key prefix with a slash at its end, or empty */
  constructor(client: S3Client, label: string, bucket: string, folder: string, file?: string) {
    this.client = client;
    this.label = label;
    this.bucket = bucket;
    this.folder = folder;
    this.file = file;
  }

  async stat(name: string, signal?: AbortSignal): Promise<RemoteFile | undefined> {
    try {
      const head = await this.client.send(
        new HeadObjectCommand({ Bucket: this.bucket, Key: this.folder + name, ChecksumMode: 'ENABLED' }),
        { abortSignal: signal },
      );
      const whole = head.ChecksumType === undefined || head.ChecksumType === 'FULL_OBJECT';
      const sha256 = head.ChecksumSHA256 && whole ? Buffer.from(head.ChecksumSHA256, 'base64').toString('hex') : null;
      return { name, size: head.ContentLength ?? 0, validator: head.ETag ?? null, sha256 };
    } catch (error) {
      if (s3Status(error) === 404) return undefined;
      throw this.refusal(error, name, signal);
    }
  }

  async read(file: RemoteFile, from: number, to: number, signal?: AbortSignal): Promise<Readable> {
    try {
      const object = await this.client.send(
        new GetObjectCommand({
          Bucket: this.bucket,
          Key: this.folder + file.name,
          Range: `bytes=${from}-${to - 1}`,
          IfMatch: file.validator ?? undefined,
        }),
        { abortSignal: signal },
      );
      const body = object.Body as Readable;
      // Some servers ignore If-Match.
      if (file.validator !== null && object.ETag !== file.validator) {
        body.on('error', () => {}).destroy();
        throw sourceChanged(`${this.label}: "${file.name}"`);
      }
      return body;
    } catch (error) {
      if ([404, 412, 416].includes(s3Status(error) ?? 0)) throw sourceChanged(`${this.label}: "${file.name}"`);
      throw this.refusal(error, file.name, signal);
    }
  }

  /** The SDK's errors hold the request, signature included: only name and status go on. */
  private refusal(error: unknown, name: string, signal?: AbortSignal): Error {
    signal?.throwIfAborted();
    if (error instanceof Error && 'code' in error && error.code === 'source_changed') return error;
    const status = s3Status(error);
    const reason = status === undefined ? (error as Error).name : `status ${status}`;
    if (status === 401 || status === 403)
      return sourceRefused(`${this.label}: "${name}" was refused (${reason}); this server has no access to it.`);
    return new SourceUnavailable(`${this.label}: "${name}" cannot be read (${reason}).`);
  }
}

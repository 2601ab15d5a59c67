import { S3Client } from '@aws-sdk/client-s3';
import type { Config } from '../config.js';

/** A server that cannot be reached, or stops in the middle, must not hold a worker for ever; requests are repeated. */
const CONNECTION_TIMEOUT_MS = 10_000;
/** Between two packets. Putting the parts of a large upload together takes a server some time. */
const SOCKET_TIMEOUT_MS = 120_000;

/**
 * A client of the S3 service of this installation. Region and credentials come from the standard AWS_* variables (or
 * whatever else the SDK's default chain finds); an own endpoint is addressed by path, which every such server answers.
 */
export function createS3Client({ S3_ENDPOINT, AWS_REGION }: Pick<Config, 'S3_ENDPOINT' | 'AWS_REGION'>): S3Client {
  return new S3Client({
    region: AWS_REGION,
    ...(S3_ENDPOINT !== undefined && { endpoint: S3_ENDPOINT, forcePathStyle: true }),
    requestHandler: { connectionTimeout: CONNECTION_TIMEOUT_MS, socketTimeout: SOCKET_TIMEOUT_MS },
    // Trailing checksums are newer than many S3-compatible servers; files are verified by SHA-256 here anyway.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
}

/** Status of an S3 error; undefined where there was no answer. */
export const s3Status = (error: unknown): number | undefined =>
  (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;

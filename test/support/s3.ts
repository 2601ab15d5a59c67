/// <reference path="./s3rver.d.ts" />
import { setTimeout as sleep } from 'node:timers/promises';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import S3rver from 's3rver';
import { createS3Client } from '../../src/store/s3-client.js';

/** An S3 server for a test, with one bucket. */
export interface S3Server {
  bucket: string;
  env: { S3_ENDPOINT: string; AWS_ACCESS_KEY_ID: string; AWS_SECRET_ACCESS_KEY: string };
  /** Away for so many ms; undefined where the server is not ours. */
  away?: (ms: number) => Promise<void>;
  stop: () => Promise<void>;
}

/**
 * S3rver over a folder, or the server S3_TEST_ENDPOINT names (with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY), e.g.
 * MinIO. The credentials are put into this process's environment, where the SDK looks for them.
 */
export async function startS3(folder: string): Promise<S3Server> {
  const bucket = `weightfold-${Date.now().toString(36)}-${process.pid}`;
  const given = process.env.S3_TEST_ENDPOINT;
  const serve = (port: number) => new S3rver({ port, address: '127.0.0.1', silent: true, directory: folder });
  let server = given ? undefined : serve(0);
  const port = (await server?.run())?.port;
  if (server) Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'S3RVER', AWS_SECRET_ACCESS_KEY: 'S3RVER' });
  const env = {
    S3_ENDPOINT: given ?? `http://127.0.0.1:${port}`,
    AWS_ACCESS_KEY_ID: process.env.AWS_ACCESS_KEY_ID ?? '',
    AWS_SECRET_ACCESS_KEY: process.env.AWS_SECRET_ACCESS_KEY ?? '',
  };
  const client = createS3Client({ S3_ENDPOINT: env.S3_ENDPOINT, AWS_REGION: 'us-east-1' });
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  client.destroy();
  const away = async (ms: number) => {
    await server?.close();
    await sleep(ms);
    server = serve(port as number);
    await server.run();
  };
  return { bucket, env, stop: async () => server?.close(), ...(!given && { away }) };
}

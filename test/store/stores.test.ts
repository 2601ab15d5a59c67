import { afterAll } from 'vitest';
import { FileStore } from '../../src/store/file-store.js';
import { createS3Client } from '../../src/store/s3-client.js';
import { S3Store } from '../../src/store/s3-store.js';
import { type S3Server, startS3 } from '../support/s3.js';
import { subfolder, temporaryFolder } from '../support/temporary.js';
import { testStore } from './suite.js';

const root = temporaryFolder();
let server: S3Server | undefined;
afterAll(() => server?.stop());

testStore('file system', async () => new FileStore(subfolder(root)));
testStore(
  'S3',
  async () => {
    server = await startS3(subfolder(root));
    const client = createS3Client({ S3_ENDPOINT: server.env.S3_ENDPOINT, AWS_REGION: 'us-east-1' });
    return new S3Store(client, server.bucket, 'some/prefix');
  },
  // S3 itself and MinIO replace an object as a whole; this server writes it in place. Writers use keys of their own.
  { tornWrites: process.env.S3_TEST_ENDPOINT ? '' : '(S3rver writes in place; set S3_TEST_ENDPOINT to test another)' },
);

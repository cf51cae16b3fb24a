import { randomUUID } from 'node:crypto';
import { createS3ObjectStore } from '../../store/s3-object-store.ts';
import type { S3ObjectStore } from '../../store/s3-object-store.ts';
import type { S3Config, S3Limits } from '../../store/s3-session.ts';

/** Where the real S3 server of the tests is; throws with what to do when nobody said. */
export function s3TestConfig(): S3Config {
  const text = process.env['SLIPWAY_TEST_S3'];
  if (text) return JSON.parse(text) as S3Config;
  throw new Error(
    `SLIPWAY_TEST_S3 is not set: run "npm test", which starts an S3 server, or give one as {"endpoint":"http://127.0.0.1:<port>","region":"us-east-1","bucket":"slipway-test","accessKeyId":"…","secretAccessKey":"…"}`,
  );
}

/** An object store over a bucket of its own. */
export async function openTestBucket(limits?: Partial<S3Limits>): Promise<S3ObjectStore> {
  const bucket = `slipway-test-${randomUUID()}`;
  const objects = createS3ObjectStore({ ...s3TestConfig(), bucket }, limits);
  await objects.ensureBucket();
  return objects;
}

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { checkStore } from '../../../stack/check-store.ts';
import type { S3ObjectStore } from '../../../store/s3-object-store.ts';
import { createS3ObjectStore } from '../../../store/s3-object-store.ts';
import { readConnections } from '../../../workers/connections.ts';
import { describeObjectStore } from '../../helpers/object-store-contract.ts';
import { openTestBucket } from '../../helpers/s3-test-server.ts';

let objects: S3ObjectStore;

beforeAll(async () => {
  objects = await openTestBucket({ keysPerRequest: 10 });
});

afterAll(() => objects.close());

describeObjectStore('S3', () => objects);

describe('the bucket', () => {
  it('is taken as it is by keys that may make none', async () => {
    const { store } = await readConnections(process.env);
    const few = createS3ObjectStore({ ...store, bucket: objects.bucket });

    await few.ensureBucket();
    await objects.ensureBucket();

    few.close();
  });

  it('that is not there is made by keys that may, and asked of somebody else by those that may not', async () => {
    const { store } = await readConnections(process.env);
    const given = { ...store, bucket: `slipway-test-${randomUUID()}` };

    await expect(checkStore(given, AbortSignal.timeout(30_000))).rejects.toMatchObject({
      type: 'SetupFailed',
      message: expect.stringMatching(`has no bucket ${given.bucket}: .* Let somebody make it who may`),
    });
  });
});

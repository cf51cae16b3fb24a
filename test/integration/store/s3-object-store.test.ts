import { afterAll, beforeAll } from '@jest/globals';
import type { S3ObjectStore } from '../../../store/s3-object-store.ts';
import { describeObjectStore } from '../../helpers/object-store-contract.ts';
import { openTestBucket } from '../../helpers/s3-test-server.ts';

let objects: S3ObjectStore;

beforeAll(async () => {
  objects = await openTestBucket({ keysPerRequest: 10 });
});

afterAll(() => objects.close());

describeObjectStore('S3', () => objects);

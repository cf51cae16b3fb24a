import { afterAll, beforeAll } from '@jest/globals';
import type { S3ObjectStore } from '../../../store/s3-object-store.ts';
import { openTestBucket } from '../../helpers/s3-test-server.ts';
import { describeStore } from '../../helpers/store-contract.ts';

let objects: S3ObjectStore;

beforeAll(async () => {
  objects = await openTestBucket({ keysPerRequest: 5 });
});

afterAll(() => objects.close());

describeStore('over S3', () => objects);

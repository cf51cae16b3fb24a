import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { probeStore } from '../../../store/probe.ts';
import type { S3ObjectStore } from '../../../store/s3-object-store.ts';
import { createS3ObjectStore } from '../../../store/s3-object-store.ts';
import { openTestBucket, s3TestConfig } from '../../helpers/s3-test-server.ts';

describe('probeStore', () => {
  let objects: S3ObjectStore;
  beforeAll(async () => {
    objects = await openTestBucket();
  });
  afterAll(() => objects.close());

  it('finds that the server keeps conditions and checks digests, and leaves nothing behind', async () => {
    expect(await probeStore(objects)).toEqual({
      conditionalPut: true,
      conditionalReplace: true,
      checksums: true,
    });

    const left: string[] = [];
    for await (const { key } of objects.list('')) left.push(key);
    expect(left).toEqual([]);
  });

  it('fails with StoreUnavailable where there is no bucket', async () => {
    const nowhere = createS3ObjectStore({ ...s3TestConfig(), bucket: 'slipway-no-such-bucket' });

    await expect(probeStore(nowhere)).rejects.toMatchObject({ type: 'StoreUnavailable' });

    nowhere.close();
  });
});

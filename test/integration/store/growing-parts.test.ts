import { randomUUID } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { expect, it, jest } from '@jest/globals';
import { createS3ObjectStore } from '../../../store/s3-object-store.ts';
import { aBody, randomBytes, sha256 } from '../../helpers/bytes.ts';
import { openTestBucket, s3TestConfig } from '../../helpers/s3-test-server.ts';
import { startTroubledProxy } from '../../helpers/troubled-proxy.ts';

jest.setTimeout(60_000);

const MIB = 1024 ** 2;

it('a long body is sent in parts that grow, each at once', async () => {
  const bytes = randomBytes(66 * MIB + 3);
  const direct = await openTestBucket();
  const heads: string[] = [];
  const note = (sent: string): boolean => {
    if (/^PUT \S+partNumber=/.test(sent)) heads.push(sent.slice(0, sent.indexOf('\r\n\r\n')));
    return false;
  };
  await using proxy = await startTroubledProxy(s3TestConfig().endpoint ?? '', () => ({ loseAnswerTo: note }));
  const config = { ...s3TestConfig(), bucket: direct.bucket, endpoint: proxy.endpoint };
  const objects = createS3ObjectStore(config, { partsOfOneSize: 2 });
  const key = randomUUID();

  const written = await objects.putStream(key, aBody(bytes));

  expect(written).toMatchObject({ sizeBytes: bytes.length, sha256: sha256(bytes) });
  const sizes = heads.map((head) => Number(/content-length: (\d+)/i.exec(head)?.[1]));
  const expected = [5, 5, 10, 10, 20].map((mib) => mib * MIB);
  expect(sizes.sort((a, b) => a - b)).toEqual([...expected, 16 * MIB + 3].sort((a, b) => a - b));
  expect(heads.filter((head) => /expect:/i.test(head))).toEqual([]);
  expect((await buffer((await direct.stream(key))!)).equals(bytes)).toBe(true);
  objects.close();
  direct.close();
});

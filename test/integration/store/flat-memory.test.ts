import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { S3Config } from '../../../store/s3-session.ts';
import { openTestBucket, s3TestConfig } from '../../helpers/s3-test-server.ts';

jest.setTimeout(180_000);

const MIB = 1024 ** 2;

describe('a blob', () => {
  let config: S3Config;
  beforeAll(async () => {
    const objects = await openTestBucket();
    config = { ...s3TestConfig(), bucket: objects.bucket };
    objects.close();
  });

  async function peakMemory(sizeBytes: number): Promise<number> {
    const script = new URL('../../fixtures/store/peak-memory.ts', import.meta.url).pathname;
    const { NODE_OPTIONS: _, ...env } = process.env;
    const run = promisify(execFile);
    const { stdout } = await run(process.execPath, [script, JSON.stringify(config), String(sizeBytes)], {
      env,
    });
    return Number(stdout);
  }

  it('takes no more memory on its way when it is five times as large', async () => {
    const peakOf40 = await peakMemory(40 * MIB);
    const peakOf200 = await peakMemory(200 * MIB);

    // Two parts under way and one that fills, before the collector comes round.
    expect(peakOf200 - peakOf40).toBeLessThan(64 * MIB);
  });
});

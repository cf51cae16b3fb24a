import { appendFile, mkdtemp, open, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { boundLog } from '../../../stack/bound-log.ts';

describe('the log of a service', () => {
  it('is moved aside when it is long, while its process goes on appending', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'slipway-log-'));
    const path = join(directory, 'x.log');
    const writer = await open(path, 'a');
    await writer.write('first, and long enough\n');

    await boundLog(path, 10);
    await writer.write('second\n');

    expect(await readFile(`${path}.1`, 'utf8')).toBe('first, and long enough\n');
    expect(await readFile(path, 'utf8')).toBe('second\n');
    await boundLog(path, 10);
    expect((await stat(path)).size).toBe(7);
    await writer.close();
    await rm(directory, { recursive: true });
  });

  it('that is short or not there stays as it is', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'slipway-log-'));
    const path = join(directory, 'x.log');
    await boundLog(path, 10);
    await appendFile(path, 'short');
    await boundLog(path, 10);

    await expect(stat(`${path}.1`)).rejects.toThrow('ENOENT');
    expect(await readFile(path, 'utf8')).toBe('short');
    await rm(directory, { recursive: true });
  });
});

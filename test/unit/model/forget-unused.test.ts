import { mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { forgetUnused } from '../../../model/forget-unused.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slipway-cache-'));
});
afterEach(() => rm(directory, { recursive: true }));

async function fileOf(name: string, daysAgo: number): Promise<string> {
  const path = join(directory, name);
  const then = new Date(Date.now() - daysAgo * DAY_MS);
  await writeFile(path, name);
  await utimes(path, then, then);
  return path;
}

it('removes what nobody has used for two weeks, and marks what is used', async () => {
  const used = await fileOf('sidecar-b.tar', 30);
  await fileOf('sidecar-a.tar', 15);
  await fileOf('sidecar-c.tar', 13);
  await fileOf('debian.tar', 400);

  await forgetUnused(used, (name) => name.startsWith('sidecar-'));

  expect((await readdir(directory)).sort()).toEqual(['debian.tar', 'sidecar-b.tar', 'sidecar-c.tar']);
  expect(Date.now() - (await stat(used)).mtimeMs).toBeLessThan(DAY_MS);
});

it('minds nothing when the file is not there', async () => {
  await expect(forgetUnused(join(directory, 'none', 'x.tar'), () => true)).resolves.toBeUndefined();
});

import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { workflowBundle } from '../../../workers/workflow-bundle.ts';

const DAY_MS = 24 * 3_600_000;

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slipway-bundle-'));
});
afterEach(() => rm(directory, { recursive: true }));

it('keeps bundles of other versions for as long as they are used, and nothing of starts that were killed', async () => {
  const cache = join(directory, 'cache');
  await mkdir(cache);
  const [old, recent] = ['a', 'b'].map((digit) => `workflows-${digit.repeat(16)}.js`) as [string, string];
  for (const [name, daysAgo] of [
    [old, 15],
    [`${old}.4711`, 15],
    [recent, 13],
    [`${recent}.4711`, 0],
    ['somebodys.js', 400],
  ] as const) {
    const then = new Date(Date.now() - daysAgo * DAY_MS);
    await writeFile(join(cache, name), name);
    await utimes(join(cache, name), then, then);
  }

  const bundle = await workflowBundle(directory, pino({ level: 'silent' }));

  const [own, ...others] = (await readdir(cache)).filter(
    (name) => ![recent, `${recent}.4711`, 'somebodys.js'].includes(name),
  );
  expect(own).toMatch(/^workflows-[0-9a-f]{16}\.js$/);
  expect(others).toEqual([]);
  expect(await readdir(cache)).toHaveLength(4);

  const longAgo = new Date(Date.now() - 15 * DAY_MS);
  await utimes(join(cache, own!), longAgo, longAgo);
  expect(await workflowBundle(directory, pino({ level: 'silent' }))).toEqual({
    code: 'code' in bundle && bundle.code,
  });
});

import { expect, it } from '@jest/globals';
import { listImages } from '../../../client/list-images.ts';
import { serverConfigSchema } from '../../../model/schema/config.ts';
import { emptyStore } from '../../../store/empty-store.ts';

const source = (name: string): object => ({
  sources: [{ repository: `file:///srv/${name}.git`, refs: { '*': 1 } }],
});
const config = serverConfigSchema.parse({
  version: 1,
  projects: { first: source('first'), second: source('second') },
});

it('The newest images are listed whichever trust domain they are of', async () => {
  const store = emptyStore();
  const digest = `sha256:${'1'.repeat(64)}` as const;
  const write = (domain: string, name: string, day: number): Promise<void> =>
    store.index.write({ domain, name, imageHash: 'ab'.repeat(32) }, 1, {
      version: 1,
      taskId: `image/${domain}/1/${name}/x`,
      run: 0,
      created: `2026-01-0${day}T00:00:00.000Z`,
      manifestDigest: digest,
      configDigest: digest,
      diffIds: [],
      sizeBytes: 1,
      inputs: { contextHash: 'c', args: {}, platform: 'linux/amd64', parent: null, bases: {} },
    });
  for (const [name, day] of [['a', 1] as const, ['b', 2] as const]) await write('first', name, day);
  for (const [name, day] of [['c', 3] as const, ['d', 4] as const, ['e', 5] as const])
    await write('second', name, day);

  const names = async (limit: number): Promise<string> =>
    (await listImages(store, config, { limit })).map(({ name }) => name).join('');

  expect(await names(2)).toBe('ed');
  expect(await names(4)).toBe('edcb');
});

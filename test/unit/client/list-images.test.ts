import { expect, it } from '@jest/globals';
import { listImages } from '../../../client/list-images.ts';
import { serverConfigSchema } from '../../../model/schema/config.ts';
import type { Store } from '../../../store/store.ts';
import { emptyStore } from '../../../store/empty-store.ts';

const source = (name: string): object => ({
  sources: [{ repository: `file:///srv/${name}.git`, refs: { '*': 1 } }],
});
const config = serverConfigSchema.parse({
  version: 1,
  projects: { first: source('first'), second: source('second') },
});

const digest = `sha256:${'1'.repeat(64)}` as const;
const write = (store: Store, domain: string, name: string, day: number): Promise<void> =>
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

it('The newest images are listed whichever trust domain they are of', async () => {
  const store = emptyStore();
  for (const [name, day] of [['a', 1] as const, ['b', 2] as const]) await write(store, 'first', name, day);
  for (const [name, day] of [['c', 3] as const, ['d', 4] as const, ['e', 5] as const])
    await write(store, 'second', name, day);

  const names = async (limit: number): Promise<string> =>
    (await listImages(store, config, { limit })).map(({ name }) => name).join('');

  expect(await names(2)).toBe('ed');
  expect(await names(4)).toBe('edcb');
});

it('Those of a project that the configuration does not name are listed where it is given as a further one', async () => {
  const store = emptyStore();
  await write(store, 'first', 'a', 1);
  await write(store, 'local', 'b', 2);

  const names = async (further?: string): Promise<readonly string[]> =>
    (await listImages(store, config, { limit: 9, ...(further === undefined ? {} : { further }) })).map(
      ({ name }) => name,
    );

  expect(await names()).toEqual(['a']);
  expect(await names('local')).toEqual(['b', 'a']);
});

import { expect, it } from '@jest/globals';
import { readRoutesOnce } from '../../../steps/read-routes-once.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import { createStore } from '../../../store/create-store.ts';

it('A record of a route is read once for images, which look above first, and for files, which do not', async () => {
  const objects = createMemoryObjectStore();
  const reads: string[] = [];
  const store = createStore({
    ...objects,
    get: (key, ...rest) => {
      reads.push(key);
      return objects.get(key, ...rest);
    },
  });
  const route = { version: 1 as const, namespace: 'made.latest', run: 0, artifacts: [], plannedAt: '1' };
  await store.routes.record('demo', 1, { ...route, taskId: 'before' });
  reads.length = 0;

  const { routes } = readRoutesOnce(store);
  const wanted = ['demo', 1, 'made.latest'] as const;
  const [image, file] = await Promise.all([
    routes.find(...wanted),
    routes.find(...wanted, { ownFirst: true }),
  ]);
  const twice = reads.filter((key, at) => reads.indexOf(key) !== at);
  await store.routes.record('demo', 1, { ...route, taskId: 'later', plannedAt: '2' });
  const late = await routes.find(...wanted, { ownFirst: true });

  expect(reads.length).toBeGreaterThan(0);
  expect(twice).toEqual([]);
  expect([image, file, late].map((found) => found?.taskId)).toEqual(['before', 'before', 'before']);
});

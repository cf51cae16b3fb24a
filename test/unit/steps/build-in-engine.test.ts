import { Readable } from 'node:stream';
import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import type { BuildResult, Engine } from '../../../docker/engine.ts';
import type { BuildContext } from '../../../images/build-context.ts';
import { buildInEngine } from '../../../steps/build-in-engine.ts';
import { emptyStore } from '../../../store/empty-store.ts';

const MINUTE = 60_000;

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
});
afterEach(() => {
  jest.useRealTimers();
});

it('A build holds what it stands on for as long as it takes, and no longer', async () => {
  const told: string[] = [];
  const built = Promise.withResolvers<BuildResult>();
  const images = {
    build: () => built.promise,
    renew: (hold: string) => Promise.resolve(void told.push(`renew ${hold}`)),
    release: (hold: string) => Promise.resolve(void told.push(`release ${hold}`)),
  };
  const engine = { images, info: () => Promise.resolve({ version: '20' }) } as unknown as Engine;
  const buildContext = { tar: () => Readable.from([]), unknownTo: () => [] } as unknown as BuildContext;
  const inputs = { contextHash: 'c', args: {}, platform: 'linux/amd64', parent: null, bases: {} };

  const building = buildInEngine(
    engine,
    { name: 'lint', inputs, buildContext, fresh: true },
    {
      ...{ store: emptyStore(), domain: 'demo', level: 1, tag: 'slipway.invalid/build:1' },
      ...{ parentTag: 'slipway.invalid/parent:1', onOutput: () => undefined, onProgress: () => undefined },
      signal: new AbortController().signal,
    },
  );
  await jest.advanceTimersByTimeAsync(110 * MINUTE);
  const during = [...told];
  built.resolve({ engineImageId: 'sha256:1', steps: 1, cachedSteps: 0 });
  await building;
  await jest.advanceTimersByTimeAsync(110 * MINUTE);

  const [renewed = ''] = during;
  expect(during).toEqual(Array.from({ length: 5 }, () => renewed));
  expect(renewed).toMatch(/^renew [0-9a-f]{16}$/);
  expect(told.slice(during.length)).toEqual([renewed.replace('renew', 'release')]);
});

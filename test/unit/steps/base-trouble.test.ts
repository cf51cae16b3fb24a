import { describe, expect, it } from '@jest/globals';
import type { Engine } from '../../../docker/engine.ts';
import { EngineRequestFailed } from '../../../model/errors.ts';
import { importBase } from '../../../steps/import-base.ts';
import type { LendEngine } from '../../../steps/lend-engine.ts';
import { renewBase } from '../../../steps/renew-base.ts';
import type { StepContext } from '../../../steps/step-context.ts';
import { createStore } from '../../../store/create-store.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';

const base = {
  domain: 'demo',
  level: 1,
  platform: 'linux/amd64',
  reference: 'registry.example/app:1',
} as const;
const store = createStore(createMemoryObjectStore());
/** The last attempt of as many as are worth it. */
const context: StepContext = {
  signal: new AbortController().signal,
  isCanceled: () => false,
  attempts: { made: 12, enough: 12 },
  onProgress: () => undefined,
};
const refusal = new EngineRequestFailed('create container', 409, 'the name is taken');

/** An engine whose registry serves the base, and that can do nothing else. */
const onlyPulls = {
  images: {
    registryDigest: () => Promise.resolve('sha256:1'),
    pull: () => Promise.resolve({ engineImageId: 'sha256:2' }),
    publish: () => Promise.reject(refusal),
  },
} as unknown as Engine;

const WHERE: readonly (readonly [string, LendEngine])[] = [
  ['no engine is to be had', () => Promise.reject(refusal)],
  ['the engine cannot publish it', (_domain, signal, work) => work(onlyPulls, signal)],
];

describe.each(WHERE)('a base of which %s', (_where, withEngine) => {
  it('is no base that nobody serves', async () => {
    const withHostEngine = (): Promise<never> => Promise.reject(refusal);

    await expect(importBase({ store, withEngine, withHostEngine }, base, context)).rejects.toBe(refusal);
    await expect(renewBase({ store, withEngine }, { ...base, tracked: false }, context)).rejects.toBe(
      refusal,
    );
  });
});

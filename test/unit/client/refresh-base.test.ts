import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Client } from '@temporalio/client';
import { platformHere, platformOfPushes, remarkOnPlatform } from '../../../client/cli/platform-of-images.ts';
import { platformsOfBase } from '../../../client/cli/bases-to-refresh.ts';
import { refreshBase } from '../../../client/refresh-base.ts';
import type { ServerConfig } from '../../../model/schema/config.ts';
import type { BaseRecord } from '../../../model/schema/records.ts';
import { emptyStore } from '../../../store/empty-store.ts';
import type { Store } from '../../../store/store.ts';
import { hostPlatform } from '../../../workers/host-platform.ts';
import { anImage, putImage } from '../../helpers/stored-images.ts';

const PLATFORM = 'linux/amd64';
const REFERENCE = 'debian:bookworm';
const base = { project: 'demo', level: 1, platform: PLATFORM, reference: REFERENCE } as const;
const config: ServerConfig = { version: 1, localProjects: true, projects: {} };

let store: Store;
beforeEach(() => {
  store = emptyStore();
});

async function aRecord(platform = PLATFORM): Promise<BaseRecord> {
  const { stored } = await putImage(store.blobs, await anImage());
  const resolved = '2026-01-01T00:00:00.000Z';
  return { version: 1, ...stored, reference: REFERENCE, platform, resolved, source: 'pulled' };
}

it('Waiting for a refresh ends when the person leaves', async () => {
  const leaving = new AbortController();
  // The person leaves once the wait has begun.
  const result = (): Promise<never> => {
    setImmediate(() => leaving.abort(new Error('left')));
    return new Promise(() => undefined);
  };
  const client = { workflow: { start: () => Promise.resolve({ result }) } } as unknown as Client;

  const refreshed = refreshBase(
    { store, config, askTemporal: (_level, work) => work(client) },
    base,
    leaving.signal,
  );

  await expect(refreshed).rejects.toThrow('left');
});

describe('a refresh below the level whose record counts', () => {
  const refresh = (level: 1 | 3): ReturnType<typeof refreshBase> =>
    refreshBase(
      { store, config, askTemporal: () => Promise.reject(new Error('Temporal was asked')) },
      { ...base, level },
      new AbortController().signal,
    );

  it('does nothing and says which one counts', async () => {
    const record = await aRecord();
    await store.index.recordBase('demo', 3, record);

    expect(await refresh(1)).toEqual({
      ...{ reference: REFERENCE, domain: 'demo', level: 1, images: [], countsAt: 3 },
      ...{ before: record.manifestDigest, after: record.manifestDigest, resolved: record.resolved },
    });
  });

  it('goes on where that one is of its own level, of everybody’s, retired or damaged', async () => {
    const record = await aRecord();
    await store.index.recordBase('demo', 3, record);
    await expect(refresh(3)).rejects.toThrow('Temporal was asked');

    await store.index.renewBase('demo', 3, { ...record, retired: '2026-02-01T00:00:00.000Z' });
    await store.index.recordBase('_stack', 3, record);
    await expect(refresh(1)).rejects.toThrow('Temporal was asked');

    const absent = (await anImage()).stored;
    await store.index.renewBase('demo', 3, { ...record, ...absent });
    await expect(refresh(1)).rejects.toThrow('Temporal was asked');
  });
});

describe('the platform of images', () => {
  it('is what was asked for, else what the control workers of the level have noted, else this machine’s', async () => {
    const found = { store: { ...store, close: () => undefined } } as never;
    expect(await platformOfPushes({}, 1, found)).toBe(hostPlatform());

    await store.platforms.note(1, 'linux/arm64');
    await store.platforms.note(3, 'linux/riscv64');

    expect(await platformOfPushes({}, 1, found)).toBe('linux/arm64');
    expect(await platformOfPushes({}, 3, found)).toBe('linux/riscv64');
    expect(await platformOfPushes({ platform: 'linux/s390x' }, 1, found)).toBe('linux/s390x');
    await store.platforms.note(1, 'linux/amd64');
    expect(await platformOfPushes({}, 1, found)).toBe('linux/amd64');
  });

  it('that are made here is what was asked for, else the engine’s, and is remarked on where CI is known to have another', async () => {
    const engine = { info: () => Promise.resolve({ platform: 'linux/arm64' }) } as never;
    expect(await platformHere({}, engine)).toBe('linux/arm64');
    expect(await platformHere({ platform: PLATFORM }, engine)).toBe(PLATFORM);

    const inputs = { contextHash: 'c', args: {}, parent: null, platform: 'linux/arm64', bases: {} };
    const image = { definition: { context: 'docker/lint' }, inputs };
    const named = { ...image, definition: { ...image.definition, platform: 'linux/arm64' } };
    const where = { store, level: 1 } as const;
    expect(await remarkOnPlatform([image], where)).toBeUndefined();
    await store.platforms.note(1, PLATFORM);
    expect(await remarkOnPlatform([named], where)).toBeUndefined();
    expect(await remarkOnPlatform([named, image], where)).toBe(
      "images are for linux/arm64 here, as the engine is; CI's are for linux/amd64 (--platform linux/amd64 takes those, where this engine can run them)",
    );
    await store.platforms.note(1, 'linux/arm64');
    expect(await remarkOnPlatform([image], where)).toBeUndefined();
  });

  it('of a base that is refreshed are all that images have it for', async () => {
    const found = { store: { ...store, close: () => undefined }, config } as never;
    const where = { domain: 'demo', level: 1, found } as const;
    await store.platforms.note(1, PLATFORM);
    expect(await platformsOfBase(REFERENCE, { where })).toEqual([PLATFORM]);

    const { stored } = await anImage();
    const inputs = {
      contextHash: 'c',
      args: {},
      parent: null,
      platform: 'linux/arm64',
      bases: { [REFERENCE]: 'd' },
    };
    const key = { domain: 'demo', name: 'lint', imageHash: '1' };
    const created = '2026-01-01T00:00:00.000Z';
    await store.index.write(key, 1, { version: 1, ...stored, taskId: 't', run: 0, created, inputs });

    expect(await platformsOfBase(REFERENCE, { where })).toEqual(['linux/arm64']);
    await store.index.recordBase('demo', 1, await aRecord());
    expect(await platformsOfBase(REFERENCE, { where })).toEqual([PLATFORM, 'linux/arm64']);
    expect(await platformsOfBase(REFERENCE, { platform: 'linux/s390x', where })).toEqual(['linux/s390x']);
  });
});

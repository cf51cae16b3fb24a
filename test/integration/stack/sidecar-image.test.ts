import { mkdtempDisposable, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, jest } from '@jest/globals';
import { ensureSidecarImage } from '../../../stack/sidecar-image.ts';
import { startImageRegistry } from '../../helpers/image-registry.ts';
import { startSecondEngine } from '../../helpers/second-engine.ts';

jest.setTimeout(240_000);

it('The image that is chosen for sidecars is taken as the engine has it, else pulled, and ours is not made', async () => {
  await using home = await mkdtempDisposable(join(tmpdir(), 'slipway-'));
  await using registry = await startImageRegistry({});
  await using engine = await startSecondEngine();
  await registry.put('own/sidecar', '1', { engine: Buffer.from('of somebody’s own') });
  const told: string[] = [];
  const ensure = (image: string): Promise<string> =>
    ensureSidecarImage(
      {
        engine: `unix://${engine.socketPath}`,
        store: { endpoint: 'http://127.0.0.1:1', region: 'r', bucket: 'none' },
        fleet: 'f',
      },
      {
        stateDirectory: home.path,
        env: { HOME: home.path, PATH: process.env['PATH'], SLIPWAY_SIDECAR_IMAGE: image },
        signal: AbortSignal.timeout(120_000),
        onProgress: ({ state, message }) => state !== 'start' && told.push(message),
      },
    );
  const own = `${registry.host}/own/sidecar:1`;
  const none = `${registry.host}/own/none:1`;

  const images = [await ensure(own), await ensure(own)];
  const failure = await ensure(none).catch((error: unknown) => error);

  expect(images).toEqual([own, own]);
  expect(told).toEqual([
    `pulled ${own}`,
    expect.stringContaining(`The sidecars' image ${none} cannot be had`),
  ]);
  expect((await engine.docker.getImage(own).inspect()).RepoTags).toEqual([own]);
  expect(failure).toMatchObject({ type: 'SetupFailed' });
  expect(String(failure)).toContain('or unset SLIPWAY_SIDECAR_IMAGE');
  expect(await readdir(home.path)).toEqual([]);
});

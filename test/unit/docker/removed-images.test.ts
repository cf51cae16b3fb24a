import { Readable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { buildImage } from '../../../docker/build/build-image.ts';
import { connectEngine } from '../../../docker/connect.ts';
import { pullImage } from '../../../docker/images/pull-image.ts';
import { readEngineInfo } from '../../../docker/engine-info.ts';
import { publishImage } from '../../../docker/transport/publish.ts';
import { emptyStore } from '../../../store/empty-store.ts';
import type { FakeEngine } from '../../helpers/fake-engine.ts';
import { startFakeEngine, tell } from '../../helpers/fake-engine.ts';

const { signal } = new AbortController();
const MADE = { id: 'moby.image.id', aux: { ID: 'sha256:1' } };

const infoOf = ({ docker, address }: FakeEngine): ReturnType<typeof readEngineInfo> =>
  readEngineInfo(docker, address);

describe('an image that somebody removes from the engine', () => {
  it('as soon as it is built may be built again', async () => {
    await using engine = await startFakeEngine({ 'POST /build': (response) => tell(response, 200, MADE) });

    const built = buildImage(
      { ...engine, info: await infoOf(engine), layers: 'gzip' },
      Readable.from(['tar']),
      { imageName: 'lint', tag: 'slipway.invalid/build:1', args: {}, signal, onOutput: () => undefined },
    );

    await expect(built).rejects.toMatchObject({
      type: 'EngineUnavailable',
      retryable: true,
      message: expect.stringMatching(/build of image "lint" ended, and somebody has removed it$/),
    });
  });

  it('as soon as it is pulled may be pulled again', async () => {
    await using engine = await startFakeEngine({
      'POST /images/create': (response) => tell(response, 200, {}),
    });

    const pulled = pullImage({ ...engine, info: await infoOf(engine) }, 'registry.example/app:1', { signal });

    await expect(pulled).rejects.toMatchObject({ type: 'EngineUnavailable', retryable: true });
  });

  it('before it has got its name may be brought again', async () => {
    await using fake = await startFakeEngine();
    const { blobs } = emptyStore();
    const engine = await connectEngine({ ...fake, blobs, reach: { kind: 'none' }, fleet: 'unit' });

    const named = engine.images.tag('sha256:1', 'slipway.invalid/parent:1');

    await expect(named).rejects.toMatchObject({ type: 'EngineUnavailable', retryable: true });
    await engine.close();
  });

  it('before it is published may be published once it is made again', async () => {
    await using engine = await startFakeEngine();
    const { blobs } = emptyStore();
    const context = {
      docker: engine.docker,
      info: await infoOf(engine),
      blobs,
      fleet: 'unit',
      endpoint: undefined,
      registryHost: '',
    };

    const published = publishImage(context, 'slipway.invalid/build:1', { signal, mayConfirm: () => false });

    await expect(published).rejects.toMatchObject({ type: 'TransferFailed', retryable: true });
  });
});

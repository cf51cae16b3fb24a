import { describe, expect, it } from '@jest/globals';
import { connectEngine } from '../../../docker/connect.ts';
import { lookAtBuilds } from '../../../stack/doctor/look-at-builds.ts';
import { lookAtEngine } from '../../../stack/doctor/look-at-engine.ts';
import { statePaths } from '../../../stack/state-directory.ts';
import { emptyStore } from '../../../store/empty-store.ts';
import { startAnsweringEngine } from '../../helpers/answering-engine.ts';

const WHY =
  'keeps images in the containerd store, which does not tell before version 28 what it has of an image, and is 27.5.1';
const TODO =
  'Install Docker Engine 28 or newer there, or have it keep images in overlay2: "features": { "containerd-snapshotter": false } in its daemon.json';

const connect = (address: string, movesNoImages?: true): ReturnType<typeof connectEngine> =>
  connectEngine({ address, blobs: emptyStore().blobs, reach: { kind: 'none' }, fleet: 'f', movesNoImages });

describe('an engine whose containerd store does not tell which parts of an image it has', () => {
  const said = { version: '27.5.1', apiVersion: '1.47' };

  it('is refused when it is connected, with what to do', async () => {
    await using engine = await startAnsweringEngine(said);

    await expect(connect(engine.address)).rejects.toMatchObject({
      type: 'ConfigInvalid',
      retryable: false,
      message: `The Docker Engine at ${engine.address} ${WHY}. ${TODO}`,
    });
  });

  it('will do for those who move no images', async () => {
    await using engine = await startAnsweringEngine(said);

    const connected = await connect(engine.address, true);

    expect((await connected.info()).version).toBe('27.5.1');
    await connected.close();
  });

  it('is nothing that doctor calls well, for tasks or for builds', async () => {
    await using engine = await startAnsweringEngine(said);
    const { address } = engine;
    const wrong = { ok: false, where: address, version: '27.5.1', message: WHY, todo: TODO };

    const ofTasks = await lookAtEngine({ address, paths: statePaths('/nowhere'), env: {}, todo: '' });
    const ofBuilds = await lookAtBuilds({
      ...{ runnerEngine: address, builderEngine: address, fleet: 'f' },
      ...{ sidecarImage: undefined, runtimeDirectory: '/nowhere', isByHand: false },
    });

    expect(ofTasks).toEqual([{ part: 'engine', ...wrong }]);
    expect(ofBuilds).toEqual({ part: 'builds', ...wrong });
  });
});

it.each([
  ['the first whose containerd store tells it', { version: '28.0.0', apiVersion: '1.48' }],
  ['a newer one, also with two digits', { version: '29.0.0', apiVersion: '1.100' }],
  ['one built from its sources, which says no number', { version: 'dev', apiVersion: '1.52' }],
  ['an old one with overlay2', { version: '20.10.24', apiVersion: '1.41', store: 'overlay2' as const }],
  ['one before 28 with overlay2', { version: '27.5.1', apiVersion: '1.47', store: 'overlay2' as const }],
])('An engine is connected that is %s', async (_, said) => {
  await using engine = await startAnsweringEngine(said);

  await (await connect(engine.address)).close();
});

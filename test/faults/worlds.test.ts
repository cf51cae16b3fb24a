import { describe, expect, it, jest } from '@jest/globals';
import { outcomesOf, statesOf } from '../helpers/live-stack.ts';
import { World } from '../helpers/world.ts';

jest.setTimeout(300_000);

describe('a world of a test', () => {
  it('is an installation of its own: through proxies in front of every part a push builds and runs, and leaves nothing', async () => {
    let fleet: string;
    {
      await using world = await World.open({ via: ['store', 'temporal', 'engine'] });
      fleet = world.fleet;
      await world.startWorker();
      const repository = await world.createRepository();
      const revision = await repository.commit({
        'docker/Dockerfile': 'FROM debian:bookworm\nRUN echo made > /made\n',
        'slipway.yml': {
          version: 1,
          images: { base: { context: 'docker' } },
          tasks: { t: { image: { 'in-tree': 'base' }, command: 'cat /made', checkout: false } },
        },
      });

      const document = await world.push(repository, revision);

      expect(statesOf(document)).toEqual({ t: 'completed/completed' });
      expect(outcomesOf(document)).toEqual({ base: 'built' });
      expect(await world.openWorkflows()).toEqual([]);
      expect(await world.unfinishedUploads()).toEqual([]);
      expect(await world.objects('uploads/')).toEqual([]);
      expect(await world.networks()).toHaveLength(1);
    }
    expect(fleet).toMatch(/^w-/);
  });
});

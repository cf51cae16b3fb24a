import { describe, expect, it, jest } from '@jest/globals';
import { docker, statesOf } from '../helpers/live-stack.ts';
import { World } from '../helpers/world.ts';

jest.setTimeout(900_000);

/** Takes the builder's engine away with everything that it knows. */
async function forgetBuilder(world: World): Promise<void> {
  const filters = [
    '--filter',
    `label=slipway.fleet=${world.fleet}`,
    '--filter',
    'label=slipway.kind=sidecar',
  ];
  const id = (await docker('ps', '--quiet', ...filters)).trim();
  const volume = await docker('inspect', '--format', '{{range .Mounts}}{{.Name}}{{end}}', id);
  await docker('rm', '--force', id);
  await docker('volume', 'rm', volume.trim());
}

describe('a builder that has never seen an image', () => {
  it('takes the layers that did not change from the store, and says what it fetched for that', async () => {
    await using world = await World.open();
    await world.startWorker();
    const repository = await world.createRepository();
    const push = async (
      greeting: string,
    ): Promise<{ log: string; uploaded: number | undefined; states: unknown }> => {
      const revision = await repository.commit({
        'docker/greeting': greeting,
        'docker/Dockerfile':
          'FROM debian:bookworm\nRUN head -c 3000000 /dev/urandom > /heavy\nCOPY greeting /greeting\n',
        'slipway.yml': {
          version: 1,
          images: { tools: { context: 'docker' } },
          tasks: { t: { image: { 'in-tree': 'tools' }, command: 'cksum < /heavy', checkout: false } },
        },
      });
      const document = await world.verdict(await world.start(repository, revision));
      const [image] = document.images;
      return {
        log: await world.log(image?.taskId ?? ''),
        uploaded: image?.bytesUploaded,
        states: statesOf(document),
      };
    };
    await push('hello');
    await forgetBuilder(world);

    const second = await push('good day');

    expect(second.states).toEqual({ t: 'completed/completed' });
    expect(second.log).toMatch(
      /1 of 2 steps from the cache, for which \d{7,} bytes of image [0-9a-f]{12} were fetched/,
    );
    expect(second.uploaded).toBeLessThan(100_000);
  });
});

import { randomUUID } from 'node:crypto';
import { describe, expect, it, jest } from '@jest/globals';
import type { Level } from '../../model/pure/ids.ts';
import { outcomesOf, statesOf, until } from '../helpers/live-stack.ts';
import { runSlipway } from '../helpers/run-slipway.ts';
import { temporaryDirectory } from '../helpers/temporary-directory.ts';
import { World } from '../helpers/world.ts';

jest.setTimeout(900_000);

/** Ids of all workflows of a level's namespace, open or closed. */
async function workflowsOf(world: World, level: Level): Promise<readonly string[]> {
  const client = world.temporalOf(level);
  const ids: string[] = [];
  // Of the schedule that settles there are more the longer it takes.
  for await (const { workflowId } of client.workflow.list())
    if (!workflowId.startsWith('settle/')) ids.push(workflowId);
  return ids.sort();
}

describe('levels with a namespace and keys of their own', () => {
  it('meet only by reading the store: each in its own namespace, the lower one uses what the higher built', async () => {
    await using world = await World.open({ namespaces: [1, 3] });
    const repository = await world.createRepository({ main: 3, '*': 1 });
    const revision = await repository.commit({
      'slipway.yml': {
        version: 1,
        images: { base: { context: 'docker' } },
        tasks: {
          t: {
            image: { 'in-tree': 'base' },
            command: 'echo out > /out.txt',
            checkout: false,
            artifacts: { 'public/out.txt': { type: 'file', path: '/out.txt' } },
          },
        },
      },
      'docker/Dockerfile': `# ${randomUUID()}\nFROM debian:bookworm\nRUN true\n`,
    });
    await Promise.all([world.startWorker(1), world.startWorker(3)]);

    const release = await world.push(repository, revision);
    await repository.git('checkout', '--quiet', '-b', 'try');
    const tried = await world.push(repository, revision, { ref: 'refs/heads/try' });

    expect([statesOf(release), statesOf(tried)]).toEqual([
      { t: 'completed/completed' },
      { t: 'completed/completed' },
    ]);
    expect([outcomesOf(release), outcomesOf(tried)]).toEqual([{ base: 'built' }, { base: 'reused' }]);
    const [image] = release.images;
    expect(await workflowsOf(world, 3)).toEqual([image?.taskId, release.id, release.tasks[0]?.taskId].sort());
    expect(await workflowsOf(world, 1)).toEqual([tried.id, tried.tasks[0]?.taskId].sort());
    const link = world.live.api.uiLink(release.id) ?? '';
    expect(link).toContain(`/namespaces/${world.connections.temporal.namespaces?.['3'] ?? 'none'}/`);

    // A client's cancel finds the namespace too.
    await repository.git('checkout', '--quiet', 'main');
    const long = { image: 'debian:bookworm', command: 'sleep 600', checkout: false };
    const started = await world.start(
      repository,
      await repository.commit({ 'slipway.yml': { version: 1, tasks: { long } } }),
    );
    await until(async () => (await world.containers()).length > 0);
    expect(await world.live.api.cancel(started)).toBe(true);
    expect(await world.verdict(started)).toMatchObject({ level: 3, state: 'exception', reason: 'canceled' });
  });

  it('a worker with the keys of level 1 does not start at level 3, and says why', async () => {
    await using world = await World.open({ base: false });
    await using directory = await temporaryDirectory('slipway-levels-');
    const home = directory.path;
    const env = {
      ...world.environmentByHand(home),
      SLIPWAY_DOCKER_HOST: world.connections.runnerEngine,
    };

    const { exitCode, stderr } = await runSlipway(['worker', 'all', '--level', '3'], { cwd: home, env });

    expect(exitCode).toBe(2);
    expect(stderr).toContain('may not write below level-3/');
    expect(stderr).toContain('AWS_ACCESS_KEY_ID');
    expect(await world.objects('level-3/')).toEqual([]);
  });
});

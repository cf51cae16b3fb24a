import type { World } from '../../test/helpers/world.ts';

export interface ManyPushes {
  readonly pushes: number;
  readonly builds: number;
  readonly seconds: number;
}

/** So many revisions at once whose tasks need the same image that nobody has built. */
export async function manyPushes(world: World, { pushes }: { readonly pushes: number }): Promise<ManyPushes> {
  const repository = await world.createRepository();
  const mark = `${Date.now()}`;
  const revisions: string[] = [];
  for (let i = 0; i < pushes; i += 1) {
    const tasks = { t: { image: { 'in-tree': 'tool' }, command: `echo ${i}`, checkout: false } };
    revisions.push(
      await repository.commit({
        'slipway.yml': { version: 1, images: { tool: { context: 'tool' } }, tasks },
        'tool/Dockerfile': `FROM debian:bookworm\nRUN echo ${mark} > /mark && sleep 5\n`,
      }),
    );
  }
  const began = performance.now();
  const documents = await Promise.all(revisions.map((revision) => world.push(repository, revision)));
  const seconds = (performance.now() - began) / 1000;
  const bad = documents.filter(({ state }) => state !== 'completed');
  if (bad.length > 0) throw new Error(`${bad.length} pushes did not complete, as ${bad[0]?.id}`);
  const imageIds = [...new Set(documents.flatMap(({ images }) => images.map(({ taskId }) => taskId)))];
  let builds = 0;
  for (const id of imageIds)
    builds += (await world.live.api.task(id)).runs.filter(({ state }) => state === 'completed').length;
  return { pushes, builds, seconds };
}

import { taskIdIn } from '../../model/pure/ids.ts';
import { docker, until } from '../../test/helpers/live-stack.ts';
import type { World } from '../../test/helpers/world.ts';

/** Milliseconds from asking for a cancel to the exit of the container, as `docker wait` sees it. */
export async function cancelLatency(
  world: World,
  { runs }: { readonly runs: number },
): Promise<readonly number[]> {
  const repository = await world.createRepository();
  const took: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    // Its own signal handler: a command that is asked to end may well not do so.
    const command = `trap '' TERM; echo ${run}; sleep 600`;
    const tasks = { t: { image: 'debian:bookworm', command, checkout: false } };
    const id = await world.start(
      repository,
      await repository.commit({ 'slipway.yml': { version: 1, tasks } }),
    );
    await until(async () => (await world.log(taskIdIn(id, 't')).catch(() => '')).includes(`\n${run}\n`));
    const [name = ''] = await world.containers();
    const gone = docker('wait', name);
    const began = performance.now();
    await world.live.api.cancel(id);
    await gone;
    took.push(performance.now() - began);
    await world.verdict(id);
  }
  return took;
}

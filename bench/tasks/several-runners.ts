import type { World } from '../../test/helpers/world.ts';

/** Seconds of a push of so many small tasks, by the number of runner processes that share the queue. */
export interface SeveralRunners {
  readonly tasks: number;
  readonly seconds: ReadonlyMap<number, readonly number[]>;
}

/** Real containers; one process runs already, a second joins it for every other push. */
export async function severalRunners(
  world: World,
  { tasks: count, runs }: { readonly tasks: number; readonly runs: number },
): Promise<SeveralRunners> {
  const repository = await world.createRepository();
  const seconds = new Map<number, number[]>([
    [1, []],
    [2, []],
  ]);
  for (let run = 0; run < 2 * runs; run += 1) {
    const processes = 1 + (run % 2);
    const joined = processes === 2 ? await world.startWorker(1, ['runner']) : undefined;
    const one = { image: 'debian:bookworm', command: 'true', checkout: false };
    const tasks = Object.fromEntries(Array.from({ length: count }, (_, i) => [`t${i}`, one]));
    const revision = await repository.commit({ 'slipway.yml': { version: 1, tasks } });
    const began = performance.now();
    const { state } = await world.push(repository, revision);
    if (state !== 'completed') throw new Error(`The push ended ${state}`);
    seconds.get(processes)?.push((performance.now() - began) / 1000);
    await joined?.stop();
  }
  return { tasks: count, seconds };
}

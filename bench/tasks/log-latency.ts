import type { World } from '../../test/helpers/world.ts';
import { taskIdIn } from '../../model/pure/ids.ts';

/** Milliseconds from a line's writing in the container to a reader that follows the log, line by line. */
export async function logLatency(
  world: World,
  { lines }: { readonly lines: number },
): Promise<readonly number[]> {
  const repository = await world.createRepository();
  const command = `i=0; while [ $i -lt ${lines} ]; do date +%s%3N; i=$((i+1)); sleep 0.1; done`;
  const tasks = { t: { image: 'debian:bookworm', command, checkout: false } };
  const id = await world.start(repository, await repository.commit({ 'slipway.yml': { version: 1, tasks } }));
  const taskId = taskIdIn(id, 't');
  const took: number[] = [];
  let rest = '';
  for await (const part of followWhenThere(world, taskId)) {
    const now = Date.now();
    const parts = (rest + part.toString()).split('\n');
    rest = parts.pop() ?? '';
    took.push(...parts.filter((line) => /^\d{13}$/.test(line)).map((line) => now - Number(line)));
  }
  await world.verdict(id);
  if (took.length !== lines) throw new Error(`The reader saw ${took.length} of ${lines} lines`);
  return took;
}

/** A log is not there before its task begins. */
async function* followWhenThere(world: World, taskId: string): AsyncGenerator<Buffer> {
  const signal = AbortSignal.timeout(600_000);
  while (!(await world.live.api.task(taskId).catch(() => undefined))?.runs.length)
    await new Promise((resolve) => setTimeout(resolve, 100));
  yield* world.live.api.log(taskId, { follow: true, signal });
}

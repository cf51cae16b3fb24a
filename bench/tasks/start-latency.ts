import type { World } from '../../test/helpers/world.ts';
import { bareRun } from './bare-run.ts';

/** Milliseconds from "it shall run" to the command's first instruction. */
export interface StartLatency {
  readonly task: readonly number[];
  readonly bare: readonly number[];
}

const STAMP = 'date +%s%3N';

/**
 * Tasks one after the other, in an image that is there, without a checkout: from the start of the task's workflow, as Temporal tells
 * it, to its command; against `docker run` of the same, from the start of its process, in turns by `rounds` of `perRound`.
 */
export async function startLatency(
  world: World,
  { rounds, perRound }: { readonly rounds: number; readonly perRound: number },
): Promise<StartLatency> {
  const repository = await world.createRepository();
  const task: number[] = [];
  const bare: number[] = [];
  // The first push brings the image and warms both ways.
  for (let round = 0; round <= rounds; round += 1) {
    const labels = Array.from({ length: perRound }, (_, i) => `t${i}`);
    const one = { image: 'debian:bookworm', command: STAMP, checkout: false };
    const tasks = Object.fromEntries(
      labels.map((label, i) => [label, i === 0 ? one : { ...one, dependencies: [labels[i - 1]] }]),
    );
    const { tasks: ended } = await world.push(
      repository,
      await repository.commit({ 'slipway.yml': { version: 1, tasks } }),
    );
    const tookTask: number[] = [];
    for (const { taskId } of ended) {
      const { startTime } = await world.temporal.workflow.getHandle(taskId ?? '').describe();
      tookTask.push(stampIn(await world.log(taskId ?? '')) - startTime.getTime());
    }
    const tookBare: number[] = [];
    for (let i = 0; i < perRound; i += 1) {
      const { tail, began } = await bareRun(STAMP);
      tookBare.push(stampIn(tail) - began);
    }
    if (round === 0) continue;
    task.push(...tookTask);
    bare.push(...tookBare);
  }
  return { task, bare };
}

/** The line that is a time in milliseconds. */
function stampIn(text: string): number {
  const [stamp] = /^\d{13}$/m.exec(text) ?? [];
  if (stamp === undefined) throw new Error(`No time in: ${text}`);
  return Number(stamp);
}

import { readFile } from 'node:fs/promises';
import { taskIdIn } from '../../model/pure/ids.ts';
import type { World } from '../../test/helpers/world.ts';
import { bareRun } from './bare-run.ts';
import { bytesOfNumbered, expectNumbered, printNumbered } from './numbered-lines.ts';

export interface LargeLog {
  readonly bytes: number;
  /** The command's own time and that of keeping its whole log. */
  readonly seconds: number;
  /** `docker run` of the same into a pipe that is read and thrown away. */
  readonly bareSeconds: number;
  /** From the task's end to that of a reader who has followed its log from the beginning. */
  readonly behindSeconds: number;
  /** What the worker's most memory was above what it had before. */
  readonly grownBytes: number;
}

const TEXT =
  'a line of a test that has a lot to say about what it does, and says it again and again and again';

/**
 * A task that prints very much: the log is complete and in order, kept and as a reader has followed it meanwhile, and the
 * worker's memory stays flat.
 */
export async function largeLog(
  world: World,
  { bytes, workerPid }: { readonly bytes: number; readonly workerPid: number },
): Promise<LargeLog> {
  const repository = await world.createRepository();
  const lines = { text: TEXT, count: Math.ceil(bytes / bytesOfNumbered(TEXT, 1)) };
  const command = printNumbered(TEXT, lines.count);
  const tasks = { t: { image: 'debian:bookworm', command, checkout: false } };
  const before = await memory(workerPid, 'VmRSS');
  const id = await world.start(repository, await repository.commit({ 'slipway.yml': { version: 1, tasks } }));
  const taskId = taskIdIn(id, 't');
  const signal = AbortSignal.timeout(600_000);
  const [document, readerEnded] = await Promise.all([
    world.verdict(id),
    expectNumbered(world.live.api.log(taskId, { follow: true, signal }), lines).then(() => Date.now()),
  ]);
  const run = document.tasks[0]?.runs[0];
  if (document.state !== 'completed' || !run) throw new Error(`The push ended ${document.state}`);
  const { body } = await world.live.api.download(taskId, 'public/logs/live.log', { signal });
  await expectNumbered(body as AsyncIterable<Buffer>, lines);
  const grownBytes = (await memory(workerPid, 'VmHWM')) - before;
  const { resolved = '' } = (await world.live.api.task(taskId)).runs[0] ?? {};
  return {
    bytes: bytesOfNumbered(TEXT, lines.count),
    seconds: ((run.phases.runMs ?? 0) + (run.phases.uploadMs ?? 0)) / 1000,
    bareSeconds: (await bareRun(command)).ms / 1000,
    behindSeconds: Math.max(0, readerEnded - Date.parse(resolved)) / 1000,
    grownBytes,
  };
}

async function memory(pid: number, what: 'VmRSS' | 'VmHWM'): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const [, kilobytes] = new RegExp(`${what}:\\s+(\\d+) kB`).exec(status) ?? [];
  return Number(kilobytes) * 1024;
}

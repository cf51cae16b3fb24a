import { readFile } from 'node:fs/promises';
import { taskIdIn } from '../../model/pure/ids.ts';
import type { World } from '../../test/helpers/world.ts';
import { bareRun } from './bare-run.ts';

export interface LargeLog {
  readonly bytes: number;
  /** The command's own time and that of keeping its whole log. */
  readonly seconds: number;
  /** `docker run` of the same into a pipe that is read and thrown away. */
  readonly bareSeconds: number;
  /** What the worker's most memory was above what it had before. */
  readonly grownBytes: number;
}

const LINE =
  'a line of a test that has a lot to say about what it does, and says it again and again and again';

/** A task that prints very much: the log is complete, and the worker's memory stays flat. */
export async function largeLog(
  world: World,
  { bytes, workerPid }: { readonly bytes: number; readonly workerPid: number },
): Promise<LargeLog> {
  const repository = await world.createRepository();
  const count = Math.ceil(bytes / (LINE.length + 1));
  const command = `yes '${LINE}' | head -n ${count}`;
  const tasks = { t: { image: 'debian:bookworm', command, checkout: false } };
  const before = await memory(workerPid, 'VmRSS');
  const id = await world.start(repository, await repository.commit({ 'slipway.yml': { version: 1, tasks } }));
  const document = await world.verdict(id);
  const run = document.tasks[0]?.runs[0];
  if (document.state !== 'completed' || !run) throw new Error(`The push ended ${document.state}`);
  let lines = 0;
  const signal = AbortSignal.timeout(600_000);
  const { body } = await world.live.api.download(taskIdIn(id, 't'), 'public/logs/live.log', { signal });
  for await (const part of body as AsyncIterable<Buffer>)
    for (const byte of part) if (byte === 10) lines += 1;
  if (lines < count) throw new Error(`The log has ${lines} lines of ${count}`);
  const grownBytes = (await memory(workerPid, 'VmHWM')) - before;
  return {
    bytes: count * (LINE.length + 1),
    seconds: ((run.phases.runMs ?? 0) + (run.phases.uploadMs ?? 0)) / 1000,
    bareSeconds: (await bareRun(command)).ms / 1000,
    grownBytes,
  };
}

async function memory(pid: number, what: 'VmRSS' | 'VmHWM'): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const [, kilobytes] = new RegExp(`${what}:\\s+(\\d+) kB`).exec(status) ?? [];
  return Number(kilobytes) * 1024;
}

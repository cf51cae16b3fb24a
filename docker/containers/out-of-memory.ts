import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { jsonLines } from '../json-lines.ts';

/** What SIGKILL leaves as exit code. */
const KILLED = 137;
const SIGKILL = '9';
/** An engine that has noted an end notes its reason within this time. */
const PATIENCE_SECONDS = 3;

/**
 * Whether a container that has exited was killed because of its memory limit. On a busy machine an engine hears of that just after the
 * exit, and then says in the container's state for ever that it was not so; but it has told the event. It is waited for, unless somebody
 * had the engine kill the container. Not by what was seen of its memory: a command may take all that it may have between two looks.
 */
export async function wasOutOfMemory(
  docker: Docker,
  { Id: id, State: state, HostConfig: { Memory: limit } }: Docker.ContainerInspectInfo,
  signal: AbortSignal,
): Promise<boolean> {
  if (state.OOMKilled || state.ExitCode !== KILLED || !limit) return state.OOMKilled;
  // By the engine's own clock.
  const until = Date.parse(state.FinishedAt) / 1000 + PATIENCE_SECONDS;
  const events = await docker.getEvents({
    since: Math.floor(Date.parse(state.StartedAt) / 1000),
    until: Number(until.toFixed(3)),
    filters: { container: [id], event: ['oom', 'kill'] },
    abortSignal: signal,
  });
  for await (const event of jsonLines(events as Readable)) {
    const { Action, Actor } = event as ContainerEvent;
    if (Action === 'oom') return true;
    if (Action === 'kill' && Actor?.Attributes?.['signal'] === SIGKILL) return false;
  }
  return false;
}

interface ContainerEvent {
  readonly Action?: string;
  readonly Actor?: { readonly Attributes?: Readonly<Record<string, string>> };
}

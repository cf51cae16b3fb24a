import { connectEngine } from '../../docker/connect.ts';
import type { Engine } from '../../docker/engine.ts';
import { containerName } from '../../model/container-name.ts';
import { ConfigInvalid, isSlipwayError, NotFound } from '../../model/errors.ts';
import { emptyStore } from '../../store/empty-store.ts';
import type { JoinableRun } from '../api.ts';
import { joinKept } from './join-kept.ts';
import { joinShell } from './join-shell.ts';
import type { Session } from './session.ts';

export interface WhereToLook {
  /** An address that the person has named: no other is looked at. */
  readonly named?: string | undefined;
  readonly stackEngine: string;
}

/**
 * Joins the container of a run by a shell, or what a kept one has left, in the engine that has it among those that can be reached from here. Gives the shell's
 * exit code. @throws {ConfigInvalid} that says which engine it is and how to reach it. @throws {NotFound}
 */
export async function joinTask(
  joinable: JoinableRun,
  where: WhereToLook,
  session: Pick<Session, 'env' | 'signal' | 'terminal'>,
): Promise<number> {
  const { env } = session;
  const environment = env.SLIPWAY_DOCKER_HOST ?? env.DOCKER_HOST;
  const addresses = where.named
    ? [where.named]
    : [...new Set([...(environment ? [environment] : []), where.stackEngine])];
  const seen: string[] = [];
  for (const address of addresses) {
    const engine = await tryEngine(address, seen);
    if (!engine) continue;
    try {
      if ((await engine.info()).id === joinable.engineId) return await join(engine, joinable, session);
      seen.push(`the engine at ${address} is another one`);
    } finally {
      await engine.close();
    }
  }
  throw new ConfigInvalid(explain(joinable, seen));
}

async function tryEngine(address: string, seen: string[]): Promise<Engine | undefined> {
  try {
    const { blobs } = emptyStore();
    return await connectEngine({ address, blobs, reach: { kind: 'none' }, fleet: 'none' });
  } catch (error) {
    if (!isSlipwayError(error) || error.type !== 'EngineUnavailable') throw error;
    seen.push(`the engine at ${address} does not answer`);
    return undefined;
  }
}

async function join(
  engine: Engine,
  { kept, ...joinable }: JoinableRun,
  session: Pick<Session, 'signal' | 'terminal'>,
): Promise<number> {
  if (kept) return joinKept(engine, { ...joinable, kept }, session);
  const { taskId, run } = joinable;
  const container = await engine.containers.inspect(containerName(taskId, run));
  if (container?.state === 'running') return joinShell(engine, container.id, session);
  throw new NotFound(
    container?.state === 'created'
      ? `The command of run ${run} of ${taskId} has not started yet: its container is just being filled`
      : `Run ${run} of ${taskId} has just ended`,
  );
}

function explain({ taskId, run, engineId, worker }: JoinableRun, seen: readonly string[]): string {
  const host = worker.split('/')[0] ?? worker;
  return [
    `Run ${run} of ${taskId} is in the Docker Engine ${engineId} of worker ${worker}, and ${seen.join('; ')}.`,
    'Name that engine by --docker-host or DOCKER_HOST (unix:///path or tcp://host:port). From another machine:',
    `ssh -nNT -L /tmp/engine.sock:/var/run/docker.sock ${host} &, then --docker-host unix:///tmp/engine.sock`,
  ].join(' ');
}

import { connectEngine } from '../../docker/connect.ts';
import type { Engine } from '../../docker/engine.ts';
import { KIND, LABEL } from '../../docker/labels.ts';
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
  /** Of several installations beside one engine that carry out the same run, whose it is to be. */
  readonly fleet: string;
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
      if ((await engine.info()).id === joinable.engineId)
        return await join(engine, joinable, where.fleet, session);
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
    const reach = { kind: 'none' } as const;
    return await connectEngine({ address, blobs, reach, fleet: 'none', movesNoImages: true });
  } catch (error) {
    if (!isSlipwayError(error) || error.type !== 'EngineUnavailable') throw error;
    seen.push(`the engine at ${address} does not answer`);
    return undefined;
  }
}

async function join(
  engine: Engine,
  { kept, ...joinable }: JoinableRun,
  ownFleet: string,
  session: Pick<Session, 'signal' | 'terminal'>,
): Promise<number> {
  const { taskId, run } = joinable;
  const name = containerName(await findFleet(engine, joinable, ownFleet), taskId, run);
  if (kept) return joinKept(engine, { ...joinable, name, kept }, session);
  const container = await engine.containers.inspect(name);
  if (container?.state === 'running') return joinShell(engine, container.id, session);
  throw new NotFound(
    container?.state === 'created'
      ? `The command of run ${run} of ${taskId} has not started yet: its container is just being filled`
      : `Run ${run} of ${taskId} has just ended`,
  );
}

/** Which installation has a container of a run: a client need not know the name of its own. */
async function findFleet(
  { containers }: Engine,
  { taskId, run }: Pick<JoinableRun, 'taskId' | 'run'>,
  ownFleet: string,
): Promise<string> {
  const ofRun = { [LABEL.kind]: KIND.task, [LABEL.task]: taskId, [LABEL.run]: String(run) };
  const fleets = (await containers.list(ofRun)).map(({ labels }) => labels[LABEL.fleet] ?? '');
  return fleets.includes(ownFleet) ? ownFleet : (fleets[0] ?? ownFleet);
}

function explain({ taskId, run, engineId, worker }: JoinableRun, seen: readonly string[]): string {
  const host = worker.split('/')[0] ?? worker;
  return [
    `Run ${run} of ${taskId} is in the Docker Engine ${engineId} of worker ${worker}, and ${seen.join('; ')}.`,
    'Name that engine by --docker-host or DOCKER_HOST (unix:///path or tcp://host:port). From another machine:',
    `ssh -nNT -L /tmp/engine.sock:/var/run/docker.sock ${host} &, then --docker-host unix:///tmp/engine.sock`,
  ].join(' ');
}

import { setTimeout as delay } from 'node:timers/promises';
import type { Engine } from '../docker/engine.ts';
import { LABEL } from '../docker/labels.ts';
import { ConfigInvalid, ContainerLost } from '../model/errors.ts';
import type { RunInput } from '../model/pure/payloads.ts';
import { startStopwatch } from '../model/stopwatch.ts';
import type { PlannedTask } from '../model/schema/plan.ts';
import type { Store } from '../store/store.ts';
import { makeSidecarImage } from './make-sidecar-image.ts';
import type { RunLog } from './run-log.ts';

/** More of them are only counted: a task that asks again and again must not fill its log with it. */
const REFUSALS_TOLD = 20;
const LOOK_AGAIN_MS = 1_000;
const ENDED = 'The private engine of the task ended while its command ran';

export interface PrivateEngineDeps {
  readonly store: Store;
  readonly engine: Engine;
  /** Image of the sidecars of private engines; undefined where this worker has none. */
  readonly sidecarImage?: string | undefined;
}

interface OfRun {
  /** Name of the task's container. */
  readonly name: string;
  readonly input: RunInput;
  readonly planned: PlannedTask;
  readonly log: RunLog;
}

/** Makes the private engine of a run, if its task has one; gives the socket for the task's container. */
export async function makePrivateEngine(
  { store, engine, sidecarImage }: PrivateEngineDeps,
  { name, input: { task, run }, planned, log }: OfRun,
  { fleet, signal }: { readonly fleet: string; readonly signal: AbortSignal },
): Promise<{ readonly dockerSocket?: string }> {
  if (!planned.dind) return {};
  if (sidecarImage === undefined)
    throw new ConfigInvalid('No sidecar image: this worker has no private engines');
  const took = startStopwatch();
  const { socket, version } = await engine.privateEngines.make(
    {
      container: name,
      image: sidecarImage,
      makeImage: (untilThen) => makeSidecarImage(engine, store, { image: sidecarImage, signal: untilThen }),
      labels: {
        [LABEL.fleet]: fleet,
        [LABEL.task]: task.taskId,
        [LABEL.run]: String(run),
        [LABEL.level]: String(task.level),
      },
      resources: planned.resources,
    },
    signal,
  );
  const which = version === undefined ? '' : `: Docker Engine ${version}`;
  log.say(`The private engine is ready${which} (${took()} ms)`);
  return { dockerSocket: socket };
}

/**
 * Does something while the private engine of a run is there, and tells what it refuses. When it ends first, the command is
 * killed: it can do nothing any more.
 *
 * @throws {ContainerLost} in that case, and when a command has not succeeded whose engine was gone at its end.
 */
export async function whilePrivateEngine<T extends { readonly state: { readonly exitCode?: number } }>(
  { engine }: PrivateEngineDeps,
  { name, planned, log, isAdopted }: OfRun & { readonly isAdopted: boolean },
  { signal, work }: { readonly signal: AbortSignal; readonly work: (signal: AbortSignal) => Promise<T> },
): Promise<T> {
  if (!planned.dind) return work(signal);
  const over = new AbortController();
  const ended = new AbortController();
  const watching = watchPrivateEngine(
    engine,
    { name, log, onlyNew: isAdopted },
    AbortSignal.any([signal, over.signal]),
  )
    .then(() => ended.abort(new ContainerLost(ENDED)))
    .catch(() => undefined);
  try {
    const result = await work(AbortSignal.any([signal, ended.signal]));
    if (result.state.exitCode === 0) return result;
    if ((await engine.privateEngines.state(name)).isRunning) return result;
    throw new ContainerLost(await whyEnded(engine, name));
  } catch (error) {
    signal.throwIfAborted();
    if (!ended.signal.aborted) throw error;
    await engine.containers.kill(name);
    throw new ContainerLost(await whyEnded(engine, name), { cause: error });
  } finally {
    over.abort();
    await watching;
  }
}

/** Removes the private engine of a run, if its task has one. */
export async function removePrivateEngine(
  engine: Engine,
  { name, planned }: Pick<OfRun, 'name' | 'planned'>,
): Promise<void> {
  if (planned.dind) await engine.privateEngines.remove(name);
}

/** Resolves when it has ended for sure: an engine that is away tells nothing of what it holds. */
async function watchPrivateEngine(
  { privateEngines }: Engine,
  { name, log, onlyNew }: { readonly name: string; readonly log: RunLog; readonly onlyNew: boolean },
  signal: AbortSignal,
): Promise<void> {
  let count = 0;
  const onRefused = (what: string): void => {
    count += 1;
    if (count <= REFUSALS_TOLD) log.say(what, 'error');
    if (count === REFUSALS_TOLD) log.say('Further requests that are refused are not told');
  };
  for (let round = 0; ; round += 1) {
    signal.throwIfAborted();
    try {
      await privateEngines.follow(name, { signal, onlyNew: onlyNew || round > 0, onRefused });
      if (!(await privateEngines.state(name)).isRunning) return;
    } catch {
      signal.throwIfAborted();
    }
    await delay(LOOK_AGAIN_MS, undefined, { signal });
  }
}

async function whyEnded({ privateEngines }: Engine, name: string): Promise<string> {
  const { outOfMemory } = await privateEngines.state(name);
  return outOfMemory ? `${ENDED}: it reached the memory limit of the task` : ENDED;
}

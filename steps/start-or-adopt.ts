import { setTimeout as delay } from 'node:timers/promises';
import type { ContainerState } from '../docker/engine.ts';
import { ContainerLost, isSlipwayError, RunSuperseded } from '../model/errors.ts';
import type { ContainerResult, LoadedImage, RunContainerInput } from '../model/pure/payloads.ts';
import type { Plan, PlannedTask } from '../model/schema/plan.ts';
import { commandText } from './command-text.ts';
import { containerOfRun } from './container-of-run.ts';
import { isFull, isGone, isOutOfNetworks } from './engine-trouble.ts';
import { holdOfRun } from './hold-of-run.ts';
import { bringImage } from './load-task-image.ts';
import { makePrivateEngine, removePrivateEngine } from './private-engine.ts';
import { prepareContainer } from './prepare-container.ts';
import { roomText } from './room-text.ts';
import type { RunContainerDeps } from './run-container.ts';
import type { RunLog } from './run-log.ts';
import type { RunSecrets } from './run-secrets.ts';
import { putSecrets, secretEnvOf } from './run-secrets.ts';
import type { RunVolumes } from './run-volumes.ts';
import { ownVolumes, takeVolumes } from './run-volumes.ts';
import type { StepContext } from './step-context.ts';

/** So often a container, or its image, that somebody removes before it has started is made again. */
const ROUNDS = 5;

/** Networks become free when runs end. */
const NETWORK_PAUSE_MS = 5_000;

/** Told from the start of the command on: an attempt that comes later must not run it a second time. */
const COMMAND_STARTED = 'the command was started';

export interface RunOfTask {
  readonly input: RunContainerInput;
  readonly name: string;
  readonly plan: Plan;
  readonly planned: PlannedTask;
  readonly log: RunLog;
  readonly secrets: RunSecrets;
  /** Its container waits for those who want a shell in it, instead of carrying the command out. */
  readonly isIdle?: boolean;
}

export interface OwnContainer {
  /** The engine's id: unlike the name it never means the container that another attempt has made instead. */
  readonly id: string;
  /** Whether the command had ended before we came. */
  readonly hadEnded: boolean;
  /** Whether the command was started by somebody before us. */
  readonly isAdopted: boolean;
  /** What moved when no container could be made of the image that had been loaded. */
  readonly loadedAgain?: ContainerResult['loadedAgain'];
}

/**
 * Creates the container of a run, puts everything into it and starts it; or adopts the one whose command was started
 * before. One that was only created is made anew: whoever made it may still be putting files in.
 * @throws {ContainerLost} when the command was started and its container is not there any more.
 */
export async function startOrAdopt(
  deps: RunContainerDeps,
  run: RunOfTask,
  context: StepContext,
): Promise<OwnContainer> {
  try {
    return await tryRounds(deps, run, context);
  } finally {
    // From here on it is the container that keeps the image; one that is held for nobody is let go after a while.
    await deps.engine.images.release(holdOfRun(run.input)).catch(() => undefined);
  }
}

async function tryRounds(
  deps: RunContainerDeps,
  run: RunOfTask,
  context: StepContext,
): Promise<OwnContainer> {
  const { name, log, input } = run;
  const { containers, images } = deps.engine;
  const own = new Set<string>();
  let hasMadeRoom = false;
  let hasWaited = false;
  let losses = 0;
  for (let isFirst = true; ; isFirst = false) {
    context.signal.throwIfAborted();
    const found = await containers.inspect(name);
    if (found && found.state !== 'created') {
      log.say('Going on with the container that is there');
      return { id: found.id, hadEnded: found.state === 'exited', isAdopted: true };
    }
    if (!found && (log.taskBytes > 0 || context.toldBefore === COMMAND_STARTED))
      throw new ContainerLost('The container was removed while its command ran');
    // Ours was removed and another one stands there: somebody has taken over.
    const isTakenOver = found !== undefined && !isFirst && !own.has(found.id);
    if (isTakenOver || context.isGivenUp?.()) throw new RunSuperseded(input.task.taskId, input.run);
    if (found) {
      await removePrivateEngine(deps.engine, run);
      await containers.remove(name);
    }
    try {
      return await createAndStart(deps, run, context, (id) => own.add(id));
    } catch (error) {
      const made = isFull(error) && !hasMadeRoom ? await images.makeRoom() : undefined;
      if (made) {
        hasMadeRoom = true;
        log.say(`The disk of the engine is full. ${roomText(made)}; once more`);
        continue;
      }
      if (isOutOfNetworks(error)) {
        if (!hasWaited) log.say(`${(error as Error).message}. The run waits until one is removed`, 'error');
        hasWaited = true;
        await delay(NETWORK_PAUSE_MS, undefined, { signal: context.signal }).catch(() => undefined);
        continue;
      }
      if (!isGone(error)) throw error;
      losses += 1;
      if (losses >= ROUNDS)
        throw new ContainerLost('The container was removed again and again before its command started', {
          cause: error,
        });
      log.say('The container or its network was removed before the command started; it is made again');
    }
  }
}

async function createAndStart(
  deps: RunContainerDeps,
  run: RunOfTask,
  context: StepContext,
  onCreated: (id: string) => void,
): Promise<OwnContainer> {
  const { planned, plan, log } = run;
  const { containers } = deps.engine;
  const made = await create(deps, run, context);
  const { id, state, created, volumes, loadedAgain } = made;
  onCreated(id);
  // Another attempt was faster.
  if (state !== 'created') return { id, hadEnded: state === 'exited', isAdopted: true };
  await ownVolumes(deps.engine, id, volumes, context.signal);
  await putSecrets(deps.engine, id, run.secrets, context.signal);
  const container = { name: id, created, plan, planned, say: (line: string) => log.say(line) };
  await prepareContainer(deps, container, context);
  log.say(run.isIdle ? 'Starting it without its command' : `Starting ${commandText(planned, made)}`);
  context.signal.throwIfAborted();
  if (context.isGivenUp?.()) throw new RunSuperseded(run.input.task.taskId, run.input.run);
  await containers.start(id);
  context.onProgress({ message: COMMAND_STARTED });
  return { id, hadEnded: false, isAdopted: false, ...(loadedAgain ? { loadedAgain } : {}) };
}

/**
 * An image that went away since it was loaded is loaded again: the store has it, so its absence is never final. One that the engine has
 * by its own word, and yet can make no container of, is loaded anew.
 */
async function create(
  deps: RunContainerDeps,
  run: RunOfTask,
  context: StepContext,
): Promise<ContainerState & Pick<OwnContainer, 'loadedAgain'> & { readonly volumes: RunVolumes }> {
  const { input, name, plan, planned, log, secrets, isIdle = false } = run;
  const { fleet } = deps;
  const described = { name, fleet, plan, planned, secretEnv: secretEnvOf(planned, secrets) };
  const spec = {
    ...containerOfRun(input, described),
    ...(await makePrivateEngine(deps, run, { fleet, signal: context.signal })),
    isIdle,
  };
  let { engineImageId } = input;
  let loadedAgain: OwnContainer['loadedAgain'];
  for (let round = 1; ; round += 1) {
    const wanted = { input, plan, planned, labels: spec.labels, engineImageId, secrets };
    const volumes = await takeVolumes(deps.engine, wanted, context.signal, (line) => log.say(line));
    let anew: string | undefined;
    try {
      const created = { ...spec, volumes: volumes.mounted, engineImageId };
      const made = await deps.engine.containers.ensureCreated(created, context.signal);
      return { ...made, volumes, ...(loadedAgain ? { loadedAgain } : {}) };
    } catch (error) {
      if (!isSlipwayError(error) || error.type !== 'ImageUnavailable') throw error;
      if (round >= ROUNDS)
        throw new ContainerLost(
          `No container could be made of its image, though that was loaded ${ROUNDS - 1} times more: ${error.message}`,
          { cause: error },
        );
      if (round > 1) anew = `no container could be made of it: ${error.message}`;
    }
    log.say(
      anew === undefined
        ? 'The image went away since it was loaded; it is loaded again'
        : 'The image was loaded again, and no container can be made of it; all of it is loaded anew',
    );
    const again = await bringImage(deps, { planned, plan, input, anew }, context, (line) => log.say(line));
    ({ engineImageId } = again);
    loadedAgain = together(loadedAgain, again);
  }
}

function together(
  before: OwnContainer['loadedAgain'],
  { bytesLoaded, fellBack = before?.fellBack }: LoadedImage,
): NonNullable<OwnContainer['loadedAgain']> {
  const bytes = (before?.bytesLoaded ?? 0) + bytesLoaded;
  return { bytesLoaded: bytes, ...(fellBack === undefined ? {} : { fellBack }) };
}

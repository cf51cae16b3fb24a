import { setTimeout as delay } from 'node:timers/promises';
import type Docker from 'dockerode';
import {
  ContainerStartFailed,
  EngineRequestFailed,
  ImageUnavailable,
  PathUnusable,
} from '../../model/errors.ts';
import { detailOf, isEngineFault, isNoDirectory, statusCodeOf, unlessStatus } from '../engine-errors.ts';
import type { ContainerSpec } from '../engine.ts';
import { makesContainers } from './bare-container.ts';
import { containerConfig, labelsOf } from './container-config.ts';
import { ensureNetwork, removeNetwork } from './container-network.ts';

const POLL_MS = 100;
const POLLS = 100;
/** Of a shell that does not find a command. */
const NOT_FOUND = 127;

export interface CreateOptions {
  readonly fleet: string;
  /** Processors of the engine. */
  readonly cpus: number;
  readonly signal: AbortSignal;
}

/**
 * Creates a container with a network of its own, unless it is to have none, or adopts the one of that name. However many do so at once, there is one.
 *
 * @throws {ImageUnavailable} when the engine lacks its image, or a layer of it. @throws {PathUnusable} when its command is to start where the image has a file.
 * @throws {ContainerStartFailed} when it is to have its image's command, and that has none.
 */
export async function createOrAdopt(
  docker: Docker,
  spec: ContainerSpec,
  options: CreateOptions,
): Promise<Docker.ContainerInspectInfo> {
  const { fleet, signal } = options;
  const find = (): Promise<Docker.ContainerInspectInfo | undefined> =>
    unlessStatus([404], () => docker.getContainer(spec.name).inspect());
  for (let poll = 0; poll < POLLS; poll += 1) {
    const existing = await find();
    if (existing && existing.State.Status !== 'created') return existing;
    if (spec.network !== 'none')
      await ensureNetwork(docker, spec.name, { labels: labelsOf(spec, fleet), signal });
    if (existing) return existing;
    await create(docker, spec, options);
    const made = await find();
    if (made) return made;
    // The name belongs to one that somebody else is just making: it cannot be looked at yet.
    await delay(POLL_MS, undefined, { signal });
  }
  throw new EngineRequestFailed(
    `create container ${spec.name}`,
    409,
    'its name is taken, but it is not there',
  );
}

async function create(docker: Docker, spec: ContainerSpec, options: CreateOptions): Promise<void> {
  try {
    // 409: another of us was faster, so its container is adopted.
    await unlessStatus([409], () =>
      docker.createContainer({ ...containerConfig(spec, options), abortSignal: options.signal }),
    );
  } catch (error) {
    // A private engine is on it, for whoever tries again.
    if (spec.dockerSocket === undefined) await removeNetwork(docker, spec.name);
    const detail = detailOf(error);
    if (spec.workingDirectory !== undefined && isNoDirectory(detail))
      throw new PathUnusable(spec.workingDirectory, `the command cannot start there (${detail})`, {
        cause: error,
      });
    if (statusCodeOf(error) === 400 && spec.command === undefined && (await hasNoCommand(docker, spec)))
      throw new ContainerStartFailed(
        'neither the task nor its image has a command; write "command" in the task',
        NOT_FOUND,
        { cause: error },
      );
    if (statusCodeOf(error) !== 404 && !(await hasLostLayers(docker, spec, options, error))) throw error;
    throw new ImageUnavailable(spec.engineImageId, detail, { cause: error });
  }
}

/** Whether it is the image of which no container can be made, and not this one that is refused. */
async function hasLostLayers(
  docker: Docker,
  spec: ContainerSpec,
  { fleet, signal }: CreateOptions,
  error: unknown,
): Promise<boolean> {
  if (!isEngineFault(error)) return false;
  const bare = { image: spec.engineImageId, labels: labelsOf(spec, fleet), signal };
  // 404: it has been removed in between.
  return !(await unlessStatus([404], () => makesContainers(docker, bare)));
}

async function hasNoCommand(docker: Docker, { engineImageId }: ContainerSpec): Promise<boolean> {
  const image = await unlessStatus([404], () => docker.getImage(engineImageId).inspect());
  return image !== undefined && [image.Config.Entrypoint ?? [], image.Config.Cmd ?? []].flat().length === 0;
}

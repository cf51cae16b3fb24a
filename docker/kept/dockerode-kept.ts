import { randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import type Docker from 'dockerode';
import { containerConfig, labelsOf } from '../containers/container-config.ts';
import { ensureNetwork, removeNetwork } from '../containers/container-network.ts';
import type { CreateOptions } from '../containers/create-container.ts';
import { removeContainer } from '../containers/remove-container.ts';
import { startContainer } from '../containers/start-container.ts';
import { inEngine, unlessStatus } from '../engine-errors.ts';
import type { ContainerSpec } from '../engine.ts';
import { KIND, LABEL } from '../labels.ts';
import type { MountedVolume } from '../volumes.ts';
import type { KeptContainers, OpenedContainer } from './kept-containers.ts';
import { keptName } from './kept-name.ts';
import { sweepShells } from './sweep-shells.ts';

export interface KeptOptions {
  readonly docker: Docker;
  readonly address: string;
  readonly fleet: string;
  /** Processors of the engine. */
  readonly cpus: number;
}

/** Kept containers of one engine by its HTTP API. */
export class DockerodeKept implements KeptContainers {
  readonly #options: KeptOptions;

  constructor(options: KeptOptions) {
    this.#options = options;
  }

  keep(name: string): Promise<void> {
    const { docker } = this.#options;
    return this.#ask(`keep container ${name}`, undefined, async () => {
      await unlessStatus([404], () => docker.getContainer(name).rename({ name: keptName(name) }));
      // An engine has addresses for few networks.
      await removeNetwork(docker, name);
    });
  }

  open(
    name: string,
    { spec, volumes, signal }: Parameters<KeptContainers['open']>[1],
  ): Promise<OpenedContainer | undefined> {
    const { docker, cpus } = this.#options;
    return this.#ask(`open kept container ${name}`, signal, async () => {
      const container = docker.getContainer(keptName(name));
      const kept = await unlessStatus([404], () => container.inspect());
      if (!kept) return undefined;
      const fleet = kept.Config.Labels[LABEL.fleet] ?? this.#options.fleet;
      const shell = {
        ...spec,
        name: `shell-${randomBytes(4).toString('hex')}-${name}`,
        engineImageId: await commit(container, signal),
        volumes: volumesAt(kept, volumes),
        labels: { ...spec.labels, [LABEL.kind]: KIND.shell },
        isIdle: true,
      };
      try {
        return await start(docker, shell, { fleet, cpus, signal });
      } catch (error) {
        await remove(docker, shell);
        throw error;
      }
    });
  }

  sweep(): Promise<void> {
    const { docker, fleet } = this.#options;
    return this.#ask('sweep shells', undefined, () => sweepShells(docker, fleet));
  }

  #ask<T>(doing: string, signal: AbortSignal | undefined, request: () => Promise<T>): Promise<T> {
    return inEngine({ address: this.#options.address, doing, signal }, request);
  }
}

/** The image has the labels of the container, and so would be taken for a task's. */
async function commit(container: Docker.Container, signal: AbortSignal): Promise<string> {
  const changes = `LABEL ${LABEL.kind}=${KIND.shell}`;
  const { Id } = (await container.commit({ changes, pause: false, abortSignal: signal })) as { Id: string };
  return Id;
}

/** A volume without a name goes with the container that it was made for: to this one it has a name, and stays. */
function volumesAt(
  { Mounts }: Docker.ContainerInspectInfo,
  paths: readonly string[],
): readonly MountedVolume[] {
  return Mounts.flatMap(({ Name, Destination }) =>
    Name !== undefined && paths.includes(Destination) ? [{ path: Destination, name: Name, labels: {} }] : [],
  );
}

async function start(
  docker: Docker,
  spec: ContainerSpec,
  { fleet, cpus, signal }: CreateOptions,
): Promise<OpenedContainer> {
  if (spec.network !== 'none')
    await ensureNetwork(docker, spec.name, { labels: labelsOf(spec, fleet), signal });
  const { HostConfig, ...config } = containerConfig(spec, { fleet, cpus });
  // It reads our connection and ends with that: of a process that is killed nothing stays that runs.
  const ending = { StdinOnce: true, HostConfig: { ...HostConfig, AutoRemove: true } };
  const container = await docker.createContainer({ ...config, ...ending, abortSignal: signal });
  const input = (await container.attach({ stream: true, stdin: true, hijack: true })) as unknown as Duplex;
  input.on('error', () => undefined);
  input.resume();
  await startContainer(container);
  return {
    id: container.id,
    close: async () => {
      input.destroy();
      await remove(docker, spec);
    },
  };
}

async function remove(docker: Docker, { name, engineImageId }: ContainerSpec): Promise<void> {
  await removeContainer(docker.getContainer(name));
  await removeNetwork(docker, name);
  // 409: a container that is just being removed still has it; a sweep finds it.
  await unlessStatus([404, 409], () => docker.getImage(engineImageId).remove({ noprune: true }));
}

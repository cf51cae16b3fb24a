import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type Docker from 'dockerode';
import { EngineUnavailable } from '../../model/errors.ts';
import { listVolumes, removeVolume, timeOf } from '../volumes.ts';
import type { Labelled } from '../volumes.ts';
import { asEngineError, inEngine, unlessStatus } from '../engine-errors.ts';
import type { ContainerSpec, ContainerState, EngineContainers, OutputStreams } from '../engine.ts';
import { fileOfArchive, guarded, resolvePath } from './archive-path.ts';
import { labelFilter } from '../labels.ts';
import { removeNetwork } from './container-network.ts';
import { simpleState, stateOf } from './container-state.ts';
import { createOrAdopt } from './create-container.ts';
import { execInContainer } from './exec-in-container.ts';
import type { ExecOptions, RunningExec } from './exec-in-container.ts';
import { ownerOf } from './image-user.ts';
import type { Owner } from './image-user.ts';
import { wasOutOfMemory } from './out-of-memory.ts';
import { ownParents } from './own-parents.ts';
import type { KnownParents, OwnParentsOptions } from './own-parents.ts';
import { putArchive } from './put-archive.ts';
import type { PutOptions } from './put-archive.ts';
import { putFiles } from './put-files.ts';
import type { FileToPut, PutFilesOptions } from './put-files.ts';
import { readOutput } from './read-output.ts';
import { removeContainer } from './remove-container.ts';
import { startContainer } from './start-container.ts';
import { waitForExit } from './wait-for-exit.ts';
import { watchMemory } from './watch-memory.ts';

/** More than this of a hostile `/etc/passwd` is not read. */
const TABLE_MAX_BYTES = 1_048_576;

export interface ContainersOptions {
  readonly docker: Docker;
  readonly address: string;
  readonly fleet: string;
  /** Processors of the engine. */
  readonly cpus: number;
}

/** Containers of one engine by its HTTP API. */
export class DockerodeContainers implements EngineContainers {
  readonly #docker: Docker;
  readonly #address: string;
  readonly #fleet: string;
  readonly #cpus: number;
  readonly #known: KnownParents = new Map();

  constructor({ docker, address, fleet, cpus }: ContainersOptions) {
    this.#docker = docker;
    this.#address = address;
    this.#fleet = fleet;
    this.#cpus = cpus;
  }

  ensureCreated(spec: ContainerSpec, signal: AbortSignal): Promise<ContainerState> {
    const options = { fleet: this.#fleet, cpus: this.#cpus, signal };
    return this.#ask(`create container ${spec.name}`, signal, async () =>
      stateOf(await createOrAdopt(this.#docker, spec, options)),
    );
  }

  async inspect(name: string): Promise<ContainerState | undefined> {
    // An engine does not answer about a container while somebody puts files in, who may stand still himself: that is limited too.
    const found = await this.#ask(`inspect container ${name}`, undefined, () =>
      unlessStatus([404], () => this.#container(name).inspect()),
    );
    return found && stateOf(found);
  }

  owner(name: string): Promise<Owner> {
    return this.#ask(`read the user of container ${name}`, undefined, async () => {
      const { Config } = await this.#container(name).inspect();
      return await ownerOf(Config.User, (path) => this.#readTable(name, path));
    });
  }

  ownParents(name: string, paths: readonly string[], options: OwnParentsOptions): Promise<void> {
    return this.#ask(`make directories of container ${name}`, options.signal, () =>
      ownParents(this.#docker, name, paths, { ...options, known: this.#known }),
    );
  }

  putArchive(name: string, directory: string, tar: Readable, options: PutOptions): Promise<void> {
    return this.#ask(`put files into container ${name}`, options.signal, () =>
      putArchive(this.#container(name), directory, { ...options, tar }),
    );
  }

  putFiles(name: string, files: readonly FileToPut[], options: PutFilesOptions): Promise<void> {
    return this.#ask(`put files into container ${name}`, options.signal, () =>
      putFiles(this.#container(name), files, options),
    );
  }

  start(name: string): Promise<void> {
    return this.#ask(`start container ${name}`, undefined, () => startContainer(this.#container(name)));
  }

  /** Only of a container that was started: of another the engine tells at once that there is nothing. */
  output(name: string, signal: AbortSignal, of?: OutputStreams): Promise<Readable> {
    const doing = `read the output of container ${name}`;
    return this.#ask(doing, signal, () =>
      readOutput(this.#container(name), {
        signal,
        toError: (error) => asEngineError(error, { address: this.#address, doing, signal }),
        of,
      }),
    );
  }

  wait(name: string, signal: AbortSignal, onMemory?: (bytes: number) => void): Promise<ContainerState> {
    return this.#ask(`wait for container ${name}`, signal, async () => {
      const container = this.#container(name);
      const watch = onMemory && watchMemory(container, onMemory);
      try {
        await waitForExit(container, signal);
      } finally {
        watch?.stop();
      }
      const found = await container.inspect();
      const state = stateOf(found);
      // What broke off between the engine and us looks like an answer without a body.
      if (state.state === 'running')
        throw new EngineUnavailable(this.#address, `wait for container ${name}: its answer broke off`);
      return { ...state, outOfMemory: await wasOutOfMemory(this.#docker, found, signal) };
    });
  }

  async kill(name: string): Promise<void> {
    await this.#ask(`kill container ${name}`, undefined, () =>
      unlessStatus([404, 409], () => this.#container(name).kill({ signal: 'SIGKILL' })),
    );
  }

  exec(name: string, options: ExecOptions): Promise<RunningExec> {
    return this.#ask(`start a command in container ${name}`, options.signal, () =>
      execInContainer(this.#docker, name, options),
    );
  }

  readPath(name: string, path: string, signal: AbortSignal): ReturnType<EngineContainers['readPath']> {
    const doing = `read ${path} of container ${name}`;
    return this.#ask(doing, signal, async () => {
      const container = this.#container(name);
      const found = await resolvePath(container, path, signal);
      // Sockets, pipes and devices have no bytes that could be kept.
      if (!found || found.stat.type === 'other') return undefined;
      const archive = await unlessStatus([404], () =>
        container.getArchive({ path: found.path, abortSignal: signal }),
      );
      if (!archive) return undefined;
      const tar = guarded(archive as Readable, (error) =>
        asEngineError(error, { address: this.#address, doing, signal }),
      );
      if (found.stat.type === 'directory') return { type: 'directory', tar } as const;
      const file = await fileOfArchive(tar);
      return file && ({ type: 'file', ...file } as const);
    });
  }

  remove(name: string): Promise<void> {
    return this.#ask(`remove container ${name}`, undefined, async () => {
      await removeContainer(this.#container(name));
      await removeNetwork(this.#docker, name);
    });
  }

  list(
    labels: Readonly<Record<string, string | undefined>>,
  ): Promise<readonly (Labelled & { readonly state: ContainerState['state'] })[]> {
    return this.#ask('list containers', undefined, async () => {
      const filters = { label: labelFilter(labels) };
      const found = await this.#docker.listContainers({ all: true, filters });
      return found.map(({ Names, Labels, State, Created }) => ({
        name: (Names[0] ?? '').replace(/^\//, ''),
        labels: Labels,
        createdMs: Created * 1000,
        state: simpleState(State),
      }));
    });
  }

  networks(labels: Readonly<Record<string, string | undefined>>): Promise<readonly Labelled[]> {
    return this.#ask('list networks', undefined, async () => {
      const found = await this.#docker.listNetworks({ filters: { label: labelFilter(labels) } });
      return found.map(({ Name, Labels, Created }) => ({
        name: Name,
        labels: Labels ?? {},
        createdMs: timeOf(Created),
      }));
    });
  }

  volumes(labels: Readonly<Record<string, string | undefined>>): Promise<readonly Labelled[]> {
    return this.#ask('list volumes', undefined, () => listVolumes(this.#docker, labels));
  }

  async removeVolume(name: string): Promise<void> {
    await this.#ask(`remove volume ${name}`, undefined, () => removeVolume(this.#docker, name));
  }

  async #readTable(name: string, path: string): Promise<string> {
    const found = await this.readPath(name, path, AbortSignal.timeout(30_000));
    if (found?.type === 'directory') found.tar.destroy();
    if (found?.type !== 'file') return '';
    if (found.sizeBytes <= TABLE_MAX_BYTES) return await text(found.body);
    found.body.destroy();
    return '';
  }

  #container(name: string): Docker.Container {
    return this.#docker.getContainer(name);
  }

  #ask<T>(doing: string, signal: AbortSignal | undefined, request: () => Promise<T>): Promise<T> {
    return inEngine({ address: this.#address, doing, signal }, request);
  }
}

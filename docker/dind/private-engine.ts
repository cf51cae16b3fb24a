import { pipeline } from 'node:stream';
import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { EngineUnavailable } from '../../model/errors.ts';
import { ensureNetwork } from '../containers/container-network.ts';
import type { ContainersOptions } from '../containers/dockerode-containers.ts';
import { demultiplex } from '../containers/demultiplex.ts';
import { removeContainer } from '../containers/remove-container.ts';
import { detailOf, inEngine, statusCodeOf, unlessStatus } from '../engine-errors.ts';
import type { PrivateEngines, PrivateEngineSpec, PrivateEngineState } from './private-engines.ts';
import { KIND, LABEL, labelFilter } from '../labels.ts';
import type { Labelled } from '../volumes.ts';
import { listVolumes } from '../volumes.ts';
import { hostNameservers } from '../sidecar/host-nameservers.ts';
import { hostProxies } from '../sidecar/host-proxies.ts';
import {
  engineNameOf,
  planPrivateEngine,
  privateEngineConfig,
  SOCKET,
  volumesOf,
} from './private-engine-config.ts';

/** An engine without data is there within seconds; this is for a machine under load. */
const START_TIMEOUT_MS = 90_000;
/** For its containers to end: what is left is killed with it. */
const STOP_SECONDS = 2;
const LOG_LINES = 20;
const READY = 'ready';
const REFUSED = 'refused ';

/** Engines of one task each, as sidecars of the task's container in the same engine. */
export class DockerodePrivateEngines implements PrivateEngines {
  readonly #docker: Docker;
  readonly #address: string;
  readonly #fleet: string;
  readonly #cpus: number;
  /** Trying is the only probe; the answer is the machine's, so it is tried once. */
  #isPrivilegedRefused = false;

  constructor(options: ContainersOptions) {
    this.#docker = options.docker;
    this.#address = options.address;
    this.#fleet = options.fleet;
    this.#cpus = options.cpus;
  }

  make(
    spec: PrivateEngineSpec,
    signal: AbortSignal,
  ): Promise<{ readonly socket: string; readonly version?: string }> {
    const doing = `make the private engine of ${spec.container}`;
    return this.#ask(doing, signal, async () => {
      const plan = planPrivateEngine(spec, this.#fleet);
      await this.#remove(spec.container);
      await ensureNetwork(this.#docker, spec.container, { labels: plan.networkLabels, signal });
      for (const Name of [plan.data, plan.run])
        await this.#docker.createVolume({ Name, Labels: plan.labels, abortSignal: signal });
      const container = await this.#start(spec, signal);
      const version = await this.#waitUntilReady(container, signal);
      const { Mountpoint } = await this.#docker.getVolume(plan.run).inspect();
      return { socket: `${Mountpoint}/${SOCKET}`, ...(version === '' ? {} : { version }) };
    });
  }

  state(container: string): Promise<PrivateEngineState> {
    return this.#ask(`look at the private engine of ${container}`, undefined, async () => {
      const sidecar = this.#docker.getContainer(engineNameOf(container));
      const found = await unlessStatus([404], () => sidecar.inspect());
      if (!found) return { isRunning: false, outOfMemory: false };
      return { isRunning: found.State.Running, outOfMemory: found.State.OOMKilled };
    });
  }

  follow(
    container: string,
    options: {
      readonly signal: AbortSignal;
      readonly onlyNew: boolean;
      readonly onRefused: (what: string) => void;
    },
  ): Promise<void> {
    const { signal, onlyNew, onRefused } = options;
    return this.#ask(`follow the private engine of ${container}`, signal, async () => {
      const sidecar = this.#docker.getContainer(engineNameOf(container));
      for await (const line of this.#said(sidecar, signal, onlyNew ? 0 : undefined))
        if (line.startsWith(REFUSED)) onRefused(line.slice(REFUSED.length));
    });
  }

  remove(container: string): Promise<void> {
    return this.#ask(`remove the private engine of ${container}`, undefined, () => this.#remove(container));
  }

  list(labels: Readonly<Record<string, string>>): Promise<readonly Labelled[]> {
    return this.#ask('list private engines', undefined, async () => {
      const wanted = { ...labels, [LABEL.kind]: KIND.dind };
      const filters = { label: labelFilter(wanted) };
      const containers = await this.#docker.listContainers({ all: true, filters });
      const found: readonly Omit<Labelled, 'name'>[] = [
        ...containers.map(({ Labels, Created }) => ({ labels: Labels, createdMs: Created * 1000 })),
        ...(await listVolumes(this.#docker, wanted)),
      ];
      // Its volumes, and the container if it is still there, are one engine.
      return [...new Map(found.map((one) => [one.labels[LABEL.of] ?? '', one]))]
        .filter(([name]) => name !== '')
        .map(([name, { labels: ofEngine, createdMs }]) => ({ name, labels: ofEngine, createdMs }));
    });
  }

  async #start(spec: PrivateEngineSpec, signal: AbortSignal): Promise<Docker.Container> {
    const nameservers = await hostNameservers();
    const plan = planPrivateEngine(spec, this.#fleet);
    const create = async (privileged: boolean): Promise<Docker.Container> => {
      const options = { nameservers, proxies: hostProxies(), privileged, cpus: this.#cpus };
      const config = privateEngineConfig(plan, spec, options);
      return this.#docker.createContainer({ ...config, abortSignal: signal });
    };
    const createOrMakeImage = async (privileged: boolean): Promise<Docker.Container> => {
      try {
        return await create(privileged);
      } catch (error) {
        // 404: the image was pruned.
        if (statusCodeOf(error) !== 404) throw error;
        await spec.makeImage(signal);
        return create(privileged);
      }
    };
    if (!this.#isPrivilegedRefused) {
      const container = await createOrMakeImage(true);
      try {
        await container.start();
        return container;
      } catch (error) {
        if (statusCodeOf(error) === undefined) throw error;
        this.#isPrivilegedRefused = true;
        await removeContainer(container);
      }
    }
    const container = await createOrMakeImage(false);
    await container.start();
    return container;
  }

  /** Gives the engine's version; an image of somebody's own may keep it to itself. */
  async #waitUntilReady(container: Docker.Container, signal: AbortSignal): Promise<string> {
    const tooLong = AbortSignal.timeout(START_TIMEOUT_MS);
    let outcome = 'ended at once';
    try {
      const both = AbortSignal.any([signal, tooLong]);
      for await (const line of this.#said(container, both)) {
        const [word, version = ''] = line.split(' ', 2);
        if (word === READY) return version;
      }
    } catch (error) {
      signal.throwIfAborted();
      outcome = tooLong.aborted ? 'started, but its engine did not' : detailOf(error);
    }
    const log = await container.logs({ stdout: true, stderr: true, tail: LOG_LINES });
    // Each frame has a header of 8 bytes; for a message it is enough to drop what cannot be printed.
    const text = log.toString().replaceAll(/[^\t\n\x20-\x7e]/g, '');
    throw new EngineUnavailable(
      this.#address,
      `the private engine of a task ${outcome}; its log ends with\n${text}`,
    );
  }

  /** What the filter says, line by line: it alone writes to stdout. */
  async *#said(container: Docker.Container, signal: AbortSignal, tail?: number): AsyncGenerator<string> {
    const framed = (await container.logs({
      ...{ follow: true, stdout: true, stderr: false, abortSignal: signal },
      ...(tail === undefined ? {} : { tail }),
    })) as unknown as Readable;
    // An error of the stream destroys what comes after it, and so ends the loop below.
    const output = pipeline(framed, demultiplex(), () => undefined);
    let rest = '';
    for await (const chunk of output as AsyncIterable<Buffer>) {
      const lines = (rest + chunk.toString()).split('\n');
      rest = lines.pop() ?? '';
      yield* lines;
    }
  }

  async #remove(name: string): Promise<void> {
    const container = this.#docker.getContainer(engineNameOf(name));
    await unlessStatus([304, 404], () => container.stop({ t: STOP_SECONDS }));
    await removeContainer(container);
    for (const volume of volumesOf(name))
      await unlessStatus([404], () => this.#docker.getVolume(volume).remove());
  }

  #ask<T>(doing: string, signal: AbortSignal | undefined, request: () => Promise<T>): Promise<T> {
    return inEngine({ address: this.#address, doing, signal }, request);
  }
}

import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { dockerAt } from '../docker/client.ts';
import { readEngineInfo } from '../docker/engine-info.ts';
import { reachesLoopback } from '../docker/endpoint/reaches-loopback.ts';
import { removeShellImages } from '../docker/kept/sweep-shells.ts';
import { trySidecarRights } from '../docker/sidecar/sidecar-rights.ts';
import type { SidecarRights } from '../docker/sidecar/sidecar-rights.ts';
import { asEngineError, inEngine, unlessStatus } from '../docker/engine-errors.ts';
import { errorInProgress, jsonLines } from '../docker/json-lines.ts';
import { unlessIdle } from '../docker/unless-idle.ts';
import { whyUnusable } from '../docker/usable-engine.ts';
import type { WrongEngine } from '../docker/usable-engine.ts';
import { EngineRequestFailed } from '../model/errors.ts';

export interface EngineFacts {
  /** The storage driver. */
  readonly storage: string;
  readonly cgroup: string;
  readonly rootDirectory: string;
  /** Its machine's clock, milliseconds since 1970. */
  readonly time: number;
}

interface SystemInfo {
  readonly Driver: string;
  readonly CgroupVersion?: string;
  readonly DockerRootDir: string;
  readonly SystemTime: string;
}

/** What setting up and cleaning an engine needs besides the docker room's contract: whole tars of images, and lists by label. */
export class EngineAccess {
  readonly #address: string;
  readonly #docker: ReturnType<typeof dockerAt>;

  /** @throws {ConfigInvalid} for other addresses than `unix:///path` and `tcp://host:port`. */
  constructor(address: string) {
    this.#address = address;
    this.#docker = dockerAt(address);
  }

  /** The engine's version; rejects when it does not answer within that time. */
  async version(timeoutMs: number): Promise<string> {
    return (await within(timeoutMs, this.#docker.version())).Version;
  }

  /** Why images cannot be moved to and from it; undefined where they can. Rejects when it does not answer within that time. */
  async whyUnusable(timeoutMs: number): Promise<WrongEngine | undefined> {
    return whyUnusable(await within(timeoutMs, readEngineInfo(this.#docker, this.#address)));
  }

  /** The engine's architecture in the words of images and distributions: `amd64`, `arm64`. */
  async architecture(): Promise<string> {
    return (await this.#docker.version()).Arch;
  }

  /** What the engine tells about itself and its machine; rejects when it does not answer in time. */
  async facts(timeoutMs = 20_000): Promise<EngineFacts> {
    const info = (await within(timeoutMs, this.#docker.info())) as SystemInfo;
    return {
      storage: info.Driver,
      cgroup: info.CgroupVersion ?? '1',
      rootDirectory: info.DockerRootDir,
      time: Date.parse(info.SystemTime),
    };
  }

  /** Whether the engine reaches ports of our 127.0.0.1. */
  async reachesLoopback(signal: AbortSignal): Promise<boolean> {
    return (await reachesLoopback(this.#docker, signal)) ?? false;
  }

  /** Tries whether a container may do what an engine in it must: mount. Leaves nothing behind. */
  sidecarRights(image: string, fleet: string): Promise<SidecarRights> {
    return trySidecarRights(this.#docker, { image, fleet });
  }

  /** Whether the engine has an image of that name. */
  async hasImage(reference: string): Promise<boolean> {
    return (await unlessStatus([404], () => this.#docker.getImage(reference).inspect())) !== undefined;
  }

  /**
   * Loads a `docker save` tar from a file.
   * @throws {EngineRequestFailed} when the engine does not take it; {EngineOutOfSpace}, {EngineUnavailable}.
   */
  async loadImage(tarPath: string, signal: AbortSignal): Promise<void> {
    const operation = { address: this.#address, doing: `load of ${tarPath}`, signal };
    await inEngine(operation, async () => {
      const tar = createReadStream(tarPath);
      const answer = await this.#docker.loadImage(tar, { quiet: true, abortSignal: signal });
      // Trouble comes in the stream, behind a 200.
      for await (const document of jsonLines(answer as Readable)) {
        const error = errorInProgress(document);
        if (error) throw asEngineError(new Error(error), operation);
      }
    });
  }

  /**
   * Pulls an image from outside; rejects when nothing is heard for `idleMs`.
   * @throws {EngineRequestFailed} when the engine says no.
   */
  async pullImage(
    reference: string,
    options: { readonly idleMs: number; readonly signal: AbortSignal },
  ): Promise<void> {
    await unlessIdle(options, async (abortSignal, heard) => {
      const answer = await this.#docker.pull(reference, { abortSignal });
      for await (const document of jsonLines(answer as Readable)) {
        heard();
        const error = errorInProgress(document);
        if (error) throw new EngineRequestFailed(`pull of ${reference}`, 200, error);
      }
    });
  }

  /** Saves an image to a tar file. */
  async saveImage(reference: string, tarPath: string, signal: AbortSignal): Promise<void> {
    const answer = await this.#docker.getImage(reference).get();
    await pipeline(answer, createWriteStream(tarPath, { mode: 0o600 }), { signal });
  }

  /** Ends and removes containers with their volumes, and removes networks and volumes, that carry a label; without one all. Gives how many containers. */
  async removeEverything(label?: string): Promise<number> {
    const filters: Record<string, string[]> = label === undefined ? {} : { label: [label] };
    const docker = this.#docker;
    const unlessGone = (remove: () => Promise<unknown>): Promise<unknown> => unlessStatus([404], remove);
    const containers = await docker.listContainers({ all: true, filters });
    await Promise.all(
      containers.map(({ Id }) => unlessGone(() => docker.getContainer(Id).remove({ force: true, v: true }))),
    );
    await removeShellImages(docker, filters.label);
    const networks = await docker.listNetworks({ filters: { ...filters, type: ['custom'] } });
    await Promise.all(networks.map(({ Id }) => unlessGone(() => docker.getNetwork(Id).remove())));
    const { Volumes } = await docker.listVolumes({ filters });
    await Promise.all(
      (Volumes ?? []).map(({ Name }) => unlessGone(() => docker.getVolume(Name).remove({ force: true }))),
    );
    return containers.length;
  }
}

async function within<T>(timeoutMs: number, answer: Promise<T>): Promise<T> {
  const signal = AbortSignal.timeout(timeoutMs);
  const silence = once(signal, 'abort').then(() => Promise.reject(signal.reason as Error));
  return Promise.race([answer, silence]);
}

import type Docker from 'dockerode';
import { DockerodeCaches } from './caches/dockerode-caches.ts';
import { readEngineInfo } from './engine-info.ts';
import { DockerodeContainers } from './containers/dockerode-containers.ts';
import { DockerodePrivateEngines } from './dind/private-engine.ts';
import { startImageEndpoint } from './endpoint/image-endpoint.ts';
import type { ImageEndpoint } from './endpoint/image-endpoint.ts';
import { reachesLoopback } from './endpoint/reaches-loopback.ts';
import { inEngine } from './engine-errors.ts';
import type { EngineOptions } from './engine-options.ts';
import type { Engine, EngineInfo } from './engine.ts';
import { DockerodeImages } from './images/dockerode-images.ts';
import { DockerodeKept } from './kept/dockerode-kept.ts';
import type { EngineRoom } from './room/engine-room.ts';
import type { TransportContext } from './transport/transport-context.ts';

type Options = Omit<EngineOptions, 'room'> & { readonly room: EngineRoom | undefined };

/** One engine by its HTTP API. */
export class DockerodeEngine implements Engine {
  readonly address: string;
  readonly isShared: boolean;
  readonly images: DockerodeImages;
  readonly containers: DockerodeContainers;
  readonly privateEngines: DockerodePrivateEngines;
  readonly caches: DockerodeCaches;
  readonly kept: DockerodeKept;
  readonly #docker: Docker;
  readonly #info: EngineInfo;
  readonly #options: Options;
  #endpoint: Promise<ImageEndpoint> | undefined;
  #sharesLoopback: Promise<boolean | undefined> | undefined;

  constructor(docker: Docker, info: EngineInfo, options: Options) {
    const { address, fleet, isShared = false, room, layers = 'gzip', credentials } = options;
    this.address = address;
    this.isShared = isShared;
    this.#docker = docker;
    this.#info = info;
    this.#options = options;
    this.images = new DockerodeImages({
      docker,
      address,
      info,
      room,
      layers,
      credentials,
      transport: () => this.#transport(),
    });
    const { cpus } = info;
    this.containers = new DockerodeContainers({ docker, address, fleet, cpus });
    this.privateEngines = new DockerodePrivateEngines({ docker, address, fleet, cpus });
    this.kept = new DockerodeKept({ docker, address, fleet, cpus });
    this.caches = new DockerodeCaches({ docker, address, fleet, onReleased: () => room?.noteGrowth() });
  }

  info(): Promise<EngineInfo> {
    return readEngineInfo(this.#docker, this.address);
  }

  async close(): Promise<void> {
    const endpoint = this.#endpoint;
    this.#endpoint = undefined;
    await (await endpoint?.catch(() => undefined))?.close();
  }

  async #transport(): Promise<TransportContext> {
    const { blobs, fleet, reach } = this.#options;
    const common = { docker: this.#docker, info: this.#info, blobs, fleet };
    switch (reach.kind) {
      case 'none':
        return { ...common, endpoint: undefined, registryHost: '' };
      case 'loopback': {
        if (!(await this.#findLoopback())) return { ...common, endpoint: undefined, registryHost: '' };
        const endpoint = await this.#startEndpoint();
        return { ...common, endpoint, registryHost: `127.0.0.1:${endpoint.port}` };
      }
      case 'forwarder': {
        const endpoint = await this.#startEndpoint(reach.socketPath);
        return { ...common, endpoint, registryHost: `127.0.0.1:${reach.port}` };
      }
    }
  }

  /** Found out by the first transfer; an engine that does not answer, or is too busy to tell, is asked again by the next. */
  #findLoopback(): Promise<boolean | undefined> {
    this.#sharesLoopback ??= inEngine({ address: this.address, doing: 'look for the image endpoint' }, () =>
      reachesLoopback(this.#docker),
    ).then(
      (answer) => {
        if (answer === undefined) this.#sharesLoopback = undefined;
        return answer;
      },
      (error: unknown) => {
        this.#sharesLoopback = undefined;
        throw error;
      },
    );
    return this.#sharesLoopback;
  }

  /** One endpoint for all transfers; a start that failed is tried again by the next. */
  #startEndpoint(socketPath?: string): Promise<ImageEndpoint> {
    this.#endpoint ??= startImageEndpoint({ blobs: this.#options.blobs, socketPath }).catch(
      (error: unknown) => {
        this.#endpoint = undefined;
        throw error;
      },
    );
    return this.#endpoint;
  }
}

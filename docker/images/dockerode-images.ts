import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import type { StoredImage } from '../../model/schema/plan.ts';
import { buildImage } from '../build/build-image.ts';
import { inEngine, unlessStatus } from '../engine-errors.ts';
import type {
  BuildOptions,
  BuildResult,
  EngineImages,
  EngineInfo,
  LentLayers,
  LoadResult,
  PublishResult,
  RegistryPull,
  StepOptions,
} from '../engine.ts';
import { lendLayers } from '../transport/lend-layers.ts';
import { loadImage } from '../transport/load.ts';
import { publishImage } from '../transport/publish.ts';
import type { TransportContext } from '../transport/transport-context.ts';
import { parseReference } from './image-reference.ts';
import { pullImage } from './pull-image.ts';
import { registryDigest } from './registry-digest.ts';

export interface ImagesOptions {
  readonly docker: Docker;
  readonly address: string;
  readonly info: EngineInfo;
  readonly layers: 'gzip' | 'zstd';
  /** Called by each transfer, so that an engine which moves no images needs no endpoint. */
  readonly transport: () => Promise<TransportContext>;
}

/** Images of one engine by its HTTP API. */
export class DockerodeImages implements EngineImages {
  readonly #options: ImagesOptions;

  constructor(options: ImagesOptions) {
    this.#options = options;
  }

  build(context: Readable, options: BuildOptions): Promise<BuildResult> {
    return buildImage(this.#options, context, options);
  }

  async publish(image: string, options: Parameters<EngineImages['publish']>[1]): Promise<PublishResult> {
    return publishImage(await this.#options.transport(), image, options);
  }

  async load(image: StoredImage, options: StepOptions & { readonly tag: string }): Promise<LoadResult> {
    return loadImage(await this.#options.transport(), image, options);
  }

  async lendLayers(image: StoredImage, options: StepOptions & { readonly tag: string }): Promise<LentLayers> {
    return lendLayers(await this.#options.transport(), image, options);
  }

  find(reference: string): Promise<string | undefined> {
    return this.#ask('inspect image', async () => {
      const found = await unlessStatus([404], () => this.#image(reference).inspect());
      return found?.Id;
    });
  }

  async pull(reference: string, options: StepOptions): Promise<RegistryPull> {
    return pullImage(this.#options, reference, options);
  }

  registryDigest(reference: string, signal: AbortSignal): Promise<string> {
    return registryDigest(this.#options, reference, signal);
  }

  async tag(image: string, reference: string): Promise<void> {
    const { repository, tag } = parseReference(reference);
    await this.#ask(`tag image ${image}`, () =>
      this.#image(image).tag({ repo: repository, tag: tag ?? 'latest' }),
    );
  }

  async remove(reference: string): Promise<void> {
    await this.#ask(`remove image ${reference}`, () =>
      unlessStatus([404], () => this.#image(reference).remove()),
    );
  }

  #image(reference: string): Docker.Image {
    return this.#options.docker.getImage(reference);
  }

  #ask<T>(doing: string, request: () => Promise<T>): Promise<T> {
    return inEngine({ address: this.#options.address, doing }, request);
  }
}

import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { EngineUnavailable } from '../../model/errors.ts';
import type { StoredImage } from '../../model/schema/plan.ts';
import { buildImage } from '../build/build-image.ts';
import { inEngine, unlessStatus } from '../engine-errors.ts';
import type {
  BuildOptions,
  BuildResult,
  EngineImages,
  EngineInfo,
  FreedRoom,
  LentLayers,
  LoadResult,
  PublishResult,
  RegistryPull,
} from '../engine.ts';
import type { CredentialsFile } from '../registry/credentials-file.ts';
import { forgetSteps } from '../room/build-cache.ts';
import { freedBy, loadWithRoom } from '../room/load-with-room.ts';
import { publishWithRoom } from '../room/publish-with-room.ts';
import { pullWithRoom } from '../room/pull-with-room.ts';
import { removeName } from '../room/remove-image.ts';
import type { EngineRoom } from '../room/engine-room.ts';
import { isUsable, inspectImage } from '../transport/engine-images.ts';
import { lendLayers } from '../transport/lend-layers.ts';
import { loadImage } from '../transport/load.ts';
import { publishImage } from '../transport/publish.ts';
import type { TransportContext } from '../transport/transport-context.ts';
import type { MadeImage } from './made-image.ts';
import { madeImage } from './made-image.ts';
import { parseReference } from './image-reference.ts';
import { pullImage } from './pull-image.ts';
import { isServedAs, pulledImage } from './pulled-image.ts';
import { registryDigest } from './registry-digest.ts';

export interface ImagesOptions {
  readonly docker: Docker;
  readonly address: string;
  readonly info: EngineInfo;
  /** Undefined: nothing is marked or removed. */
  readonly room: EngineRoom | undefined;
  readonly layers: 'gzip' | 'zstd';
  readonly credentials: CredentialsFile | undefined;
  /** Called by each transfer, so that an engine which moves no images needs no endpoint. */
  readonly transport: () => Promise<TransportContext>;
}

/** Images of one engine by its HTTP API. */
export class DockerodeImages implements EngineImages {
  readonly #options: ImagesOptions;

  constructor(options: ImagesOptions) {
    this.#options = options;
  }

  async build(context: Readable, options: BuildOptions): Promise<BuildResult> {
    const built = await buildImage(this.#options, context, options);
    const made = options.isPassing ? undefined : await this.#options.room?.keep();
    return made ? { ...built, madeRoom: freedBy(made) } : built;
  }

  async publish(image: string, options: Parameters<EngineImages['publish']>[1]): Promise<PublishResult> {
    const { room } = this.#options;
    const transport = await this.#options.transport();
    const publish = (): Promise<PublishResult> => publishImage(transport, image, options);
    return room ? publishWithRoom(room, image, publish) : publish();
  }

  async load(image: StoredImage, options: Parameters<EngineImages['load']>[1]): Promise<LoadResult> {
    const { hold, ...wanted } = options;
    const { room } = this.#options;
    const transport = await this.#options.transport();
    if (!room) return loadImage(transport, image, wanted);
    return loadWithRoom(room, image, hold, (around) => loadImage(transport, image, { ...wanted, ...around }));
  }

  async release(hold: string): Promise<void> {
    await this.#ask('lift a hold', async () => this.#options.room?.release(hold));
  }

  async renew(hold: string): Promise<void> {
    await this.#ask('renew a hold', async () => this.#options.room?.renew(hold));
  }

  async use(image: string, hold?: string): Promise<void> {
    const { room } = this.#options;
    await this.#ask(`mark image ${image}`, () =>
      unlessStatus([404], async () => {
        if (hold === undefined) return room?.use(image);
        if (isServedAs(image, await this.#image(image).inspect())) await room?.usePulled(image, hold);
      }),
    );
  }

  async keepRoom(): Promise<void> {
    await this.#options.room?.keepLater();
  }

  async makeRoom(bytes?: number): Promise<FreedRoom | undefined> {
    const { room } = this.#options;
    const made = await (bytes === undefined ? room?.empty() : room?.free(bytes));
    return made && freedBy(made);
  }

  async lendLayers(image: StoredImage, options: Parameters<EngineImages['load']>[1]): Promise<LentLayers> {
    const load = (): Promise<LoadResult> => this.load(image, options);
    return lendLayers(await this.#options.transport(), image, { ...options, load });
  }

  async forgetSteps(words: string): Promise<void> {
    await this.#ask('forget steps of a build', () => forgetSteps(this.#options.docker, words));
  }

  find(reference: string): Promise<string | undefined> {
    return this.#ask('inspect image', async () => {
      const found = await unlessStatus([404], () => this.#image(reference).inspect());
      return found?.Id;
    });
  }

  findPulled(reference: string): Promise<RegistryPull | undefined> {
    return this.#ask('inspect image', async () => {
      const found = await unlessStatus([404], () => this.#image(reference).inspect());
      if (!found || !isServedAs(reference, found)) return undefined;
      return pulledImage(found, reference, this.#options.info);
    });
  }

  findUsable(reference: string): Promise<string | undefined> {
    return this.#ask('inspect image', async () => {
      const transport = await this.#options.transport();
      const found = await inspectImage(transport, reference);
      return found && isUsable(transport, found) ? found.Id : undefined;
    });
  }

  describe(reference: string): Promise<MadeImage | undefined> {
    return this.#ask('inspect image', async () => {
      const found = await unlessStatus([404], () => this.#image(reference).inspect());
      return found && madeImage(found);
    });
  }

  async pull(reference: string, options: Parameters<EngineImages['pull']>[1]): Promise<RegistryPull> {
    const { hold, ...wanted } = options;
    const { docker, room } = this.#options;
    const pull = (): Promise<RegistryPull> => pullImage(this.#options, reference, wanted);
    return room && hold !== undefined ? pullWithRoom({ docker, room, holder: hold }, pull) : pull();
  }

  registryDigest(reference: string, signal: AbortSignal): Promise<string> {
    return registryDigest(this.#options, reference, signal);
  }

  async tag(image: string, reference: string): Promise<void> {
    const { repository, tag } = parseReference(reference);
    const name = { repo: repository, tag: tag ?? 'latest' };
    const isThere = await this.#ask(`tag image ${image}`, () =>
      unlessStatus([404], () =>
        this.#image(image)
          .tag(name)
          .then(() => true),
      ),
    );
    // What is named was made or brought a moment ago.
    if (!isThere)
      throw new EngineUnavailable(this.#options.address, `tag image ${image}: somebody has removed it`);
  }

  async remove(reference: string): Promise<void> {
    const { docker } = this.#options;
    await this.#ask(`remove image ${reference}`, () =>
      unlessStatus([404], () => removeName(docker, reference)),
    );
  }

  #image(reference: string): Docker.Image {
    return this.#options.docker.getImage(reference);
  }

  #ask<T>(doing: string, request: () => Promise<T>): Promise<T> {
    return inEngine({ address: this.#options.address, doing }, request);
  }
}

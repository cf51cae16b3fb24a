import { randomUUID } from 'node:crypto';
import type { TestRepository } from '../helpers/live-stack.ts';
import { until } from '../helpers/live-stack.ts';
import type { World } from '../helpers/world.ts';

/** How often a push builds an image anew; the others find it. */
const BUILD_EVERY = 5;
const CANCEL_EVERY = 4;

/** One push after the other of all kinds: built and known images, artifacts, inputs, long logs, failures, cancels. */
export class SoakPushes {
  readonly #world: World;
  readonly #repository: TestRepository;
  #count = 0;

  constructor(world: World, repository: TestRepository) {
    this.#world = world;
    this.#repository = repository;
  }

  get count(): number {
    return this.#count;
  }

  /** Starts the next push and gives its end. @throws when it does not end as it must. */
  async start(): Promise<{ readonly ended: Promise<void> }> {
    const n = (this.#count += 1);
    const isCancelled = n % CANCEL_EVERY === 0;
    const revision = await this.#repository.commit({
      'n.txt': `${n}`,
      ...(n % BUILD_EVERY === 1 ? { 'docker/Dockerfile': dockerfile() } : {}),
      'slipway.yml': configuration(isCancelled),
    });
    const id = await this.#world.start(this.#repository, revision);
    return { ended: isCancelled ? this.#cancel(id) : this.#expectFailed(id) };
  }

  /** Cancels it while its long task runs. */
  async #cancel(id: string): Promise<void> {
    const api = this.#world.live.api;
    await until(async () => {
      const found = await api.task(`${id.replace('push/', 'task/')}/long`).catch(() => undefined);
      return found?.state === 'running';
    });
    await api.cancel(id);
    const { state } = await this.#world.verdict(id);
    if (state !== 'exception') throw new Error(`${id} was cancelled, and ended as ${state}`);
  }

  /** One of its tasks fails. */
  async #expectFailed(id: string): Promise<void> {
    const { state } = await this.#world.verdict(id);
    if (state !== 'failed') throw new Error(`${id} ended as ${state}`);
  }
}

function dockerfile(): string {
  return `FROM debian:bookworm\nRUN echo ${randomUUID()} > /mark && head -c 3000000 /dev/urandom > /random\n`;
}

function configuration(isLong: boolean): unknown {
  const plain = { image: 'debian:bookworm', checkout: false };
  return {
    version: 1,
    images: { own: { context: 'docker' } },
    tasks: {
      talks: { ...plain, command: 'i=0; while [ $i -lt 2000 ]; do echo "line $i of many"; i=$((i+1)); done' },
      makes: {
        image: { 'in-tree': 'own' },
        command: 'head -c 9000000 /dev/urandom > /out.bin',
        artifacts: { 'public/out.bin': { type: 'file', path: '/out.bin' } },
      },
      takes: {
        ...plain,
        dependencies: ['makes'],
        inputs: { '/in.bin': { task: 'makes', artifact: 'public/out.bin' } },
        command: 'wc -c /in.bin',
      },
      fails: { ...plain, command: 'exit 3' },
      ...(isLong ? { long: { ...plain, command: 'sleep 600' } } : {}),
    },
  };
}

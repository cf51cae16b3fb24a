import { join } from 'node:path';
import { expect } from '@jest/globals';
import { openStore } from '../../store/open-store.ts';
import { fleetTraces } from './fleet-traces.ts';
import { docker, statesOf, until } from './live-stack.ts';
import type { TestRepository, WorkerProcess } from './live-stack.ts';
import type { Moment, RequestProxy, StoreRequest } from './request-proxy.ts';
import { startRequestProxy } from './request-proxy.ts';
import { imagesInSidecars } from './sidecars.ts';
import type { World } from './world.ts';

/** Documents, notes and records beside layers, and what compression adds. */
export const BESIDE_BYTES = 2_000_000;

export type Matches = (request: StoreRequest) => boolean;

/** One worker process after the other, behind proxies that see every request to the store and to the engine of the tasks. */
export class Killing implements AsyncDisposable {
  readonly #world: World;
  readonly #parts: AsyncDisposableStack;
  readonly #start: () => Promise<WorkerProcess>;
  readonly store: RequestProxy;
  readonly engine: RequestProxy;
  #worker: WorkerProcess | undefined;

  private constructor(
    world: World,
    parts: AsyncDisposableStack,
    proxies: { readonly store: RequestProxy; readonly engine: RequestProxy },
    builderEngine: string | undefined,
  ) {
    this.#world = world;
    this.#parts = parts;
    this.store = proxies.store;
    this.engine = proxies.engine;
    const connections = {
      store: { ...world.connections.store, endpoint: proxies.store.endpoint },
      runnerEngine: proxies.engine.endpoint,
      ...(builderEngine === undefined ? {} : { builderEngine }),
    };
    this.#start = () => world.startWorker(1, ['all'], { connections });
  }

  /** Default: the world's own engine, and sidecars in it. */
  static async begin(
    world: World,
    { builderEngine, runnerEngine }: { readonly builderEngine?: string; readonly runnerEngine?: string } = {},
  ): Promise<Killing> {
    const parts = new AsyncDisposableStack();
    const store = parts.use(await startRequestProxy(world.connections.store.endpoint ?? ''));
    const path = join(world.connections.runtimeDirectory, 'engine.sock');
    const engine = parts.use(await startRequestProxy(runnerEngine ?? world.connections.runnerEngine, path));
    return new Killing(world, parts, { store, engine }, builderEngine);
  }

  /** Has a worker, the next one if one was killed. */
  async goOn(): Promise<WorkerProcess> {
    if (!this.#worker || this.#worker.hasEnded()) this.#worker = await this.#start();
    return this.#worker;
  }

  /** Has a worker that is killed at a moment; gives how many requests each side had seen by then. */
  async at(
    side: 'store' | 'engine',
    moment: Moment,
    matches: Matches,
  ): Promise<{ readonly store: number; readonly engine: number }> {
    const seen = { store: 0, engine: 0 };
    // Before the worker begins, which may come there at once.
    this[side].strike(moment, matches, () => {
      seen.store = this.store.seen.length;
      seen.engine = this.engine.seen.length;
      this.#worker?.kill('SIGKILL');
    });
    const worker = await this.goOn();
    // All of these tests run at once, each with builds of its own.
    await until(() => worker.hasEnded(), 600_000);
    return seen;
  }

  /** Bytes that went to the store after a kill, but for what was under way at that moment. */
  sentBytes(from: number): number {
    const before = new Set(this.store.seen.slice(0, from).map(({ query }) => query.get('uploadId')));
    const isNew = ({ query }: StoreRequest): boolean =>
      !query.has('uploadId') || !before.has(query.get('uploadId'));
    const sent = this.store.seen.slice(from).filter((request) => request.method === 'PUT' && isNew(request));
    return sent.reduce((sum, { bodyBytes }) => sum + bodyBytes, 0);
  }

  /** Keys of the large blobs that were stored between two requests. */
  layersStored(from = 0, to?: number): readonly string[] {
    const copied = this.store.seen
      .slice(from, to)
      .filter(({ query, status }) => query.has('copySource') && status < 300);
    return copied.map(({ key }) => key);
  }

  /** Which of some blobs were read from some request on. */
  reads(keys: readonly string[], from: number): readonly string[] {
    const read = this.store.seen
      .slice(from)
      .filter(({ method, key }) => method === 'GET' && keys.includes(key));
    return read.map(({ key }) => key);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker?.stop();
    await this.#parts.disposeAsync();
  }

  /** What no process that was killed may leave, once uploads that never ended are swept as they are after a day. */
  async expectNothingLeft(imageName: string): Promise<void> {
    const world = this.#world;
    await this.expectStoreClean();
    expect(await fleetTraces(world.fleet, 'task')).toEqual([]);
    const [image] = JSON.parse(await docker('inspect', imageName)) as {
      RepoTags: string[];
      RepoDigests: string[];
    }[];
    expect(image?.RepoTags.filter((name) => !name.startsWith('slipway.invalid/used:'))).toEqual([imageName]);
    expect(image?.RepoDigests).toEqual([]);
    const left = /slipway\.invalid\/(build|parent|image:loading)|127\.0\.0\.1:\d+\/slipway/;
    expect((await imagesInSidecars(world)).filter((name) => left.test(name))).toEqual([]);
  }

  /** The same of the store alone. */
  async expectStoreClean(): Promise<void> {
    const world = this.#world;
    await until(async () => (await world.openWorkflows()).length === 0);
    // Only what was half-way when somebody was killed.
    expect((await world.unfinishedUploads()).every((key) => key.startsWith('uploads/'))).toBe(true);
    const store = openStore({ ...world.connections.store, ...world.keys[1] });
    await store.sweep({ olderThan: new Date(Date.now() + 60_000) });
    store.close();
    expect(await world.unfinishedUploads()).toEqual([]);
    expect(await world.objects('uploads/')).toEqual([]);
  }
}

/**
 * A part of a layer that is not the first, once a blob before it was noted as sent; the second such, so that the engine has heard of
 * the blob too.
 */
export function halfWayAfter(note: RegExp): Matches {
  let noted = false;
  let parts = 0;
  return ({ key, writes, query }) => {
    if (writes && note.test(key)) noted = true;
    if (!noted || !key.startsWith('uploads/') || Number(query.get('partNumber')) < 2) return false;
    parts += 1;
    return parts === 2;
  };
}

export async function startPush(
  world: World,
  files: Readonly<Record<string, unknown>>,
): Promise<{ readonly id: string; readonly repository: TestRepository }> {
  const repository = await world.createRepository();
  return { id: await world.start(repository, await repository.commit(files)), repository };
}

export async function expectOneRun(world: World, id: string, label: string, says: string): Promise<void> {
  const document = await world.verdict(id);
  expect(statesOf(document)).toEqual({ [label]: 'completed/completed' });
  expect(document.tasks.map(({ runs }) => runs.length)).toEqual([1]);
  const log = await world.log(document.tasks[0]?.taskId ?? '');
  expect(log.split('\n').filter((line) => line === says)).toEqual([says]);
}

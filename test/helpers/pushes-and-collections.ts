import type { Level } from '../../model/pure/ids.ts';
import type { CollectionReport } from '../../model/schema/collection.ts';
import type { ServerConfig } from '../../model/schema/config.ts';
import { lifeMsOf } from '../../model/schema/config.ts';
import { collect } from '../../steps/collect.ts';
import { isWhole } from '../../steps/image-closure.ts';
import { createStore } from '../../store/create-store.ts';
import type { ObjectStore } from '../../store/object-store.ts';
import type { Store } from '../../store/store.ts';
import { idOfPush, pushOnStore } from './pushes-on-a-store.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const CONFIG: ServerConfig = {
  version: 1,
  localProjects: true,
  projects: {},
  collector: { life: { 3: '90 days' } },
};
const LEVELS_IN_USE = [1, 3] as const;

export interface SideBySideOptions {
  readonly seed: number;
  readonly pushes: number;
  /** Real time after which a collection that was killed is taken over. */
  readonly silentMs: number;
  /** The object store, whose clock is the one given. */
  readonly open: (now: () => Date) => ObjectStore;
}

export interface SideBySideResult {
  /** What nobody should have met. */
  readonly trouble: readonly unknown[];
  readonly total: number;
  readonly reachable: number;
  /** Keys that should have gone. */
  readonly overdue: readonly string[];
}

/**
 * Pushes and collections at random side by side, some of each killed, over months of a clock that is held here. After each
 * round everything that a record names is read; at the end what is left is counted.
 */
export async function playSideBySide(options: SideBySideOptions): Promise<SideBySideResult> {
  const random = randomNumbers(options.seed);
  const world = openWorld(random, options);
  let number = 0;
  const trouble: unknown[] = [];
  const push = async (): Promise<void> => {
    const level = LEVELS_IN_USE[Math.floor(random() * 2)]!;
    const expires = random() < 0.3 ? { artifactExpires: world.in(random() * 40 * DAY_MS) } : {};
    // What a push that dies has left is found by a later one, when it is old and nothing reaches it.
    const { store, isKilled } = world.store({ killed: random() < 0.3 });
    const one = {
      number: (number += 1),
      level,
      image: `image-${Math.floor(random() * 3)}`,
      version: Math.floor(random() * 24),
      now: world.now,
      ...expires,
    };
    try {
      await pushOnStore(store, one);
    } catch (error) {
      if (!isKilled()) throw error;
      await world.settle(idOfPush(one));
    }
  };
  while (number < options.pushes) {
    const pushes = Array.from({ length: 1 + Math.floor(random() * 9) }, push);
    const collections = Array.from({ length: Math.floor(random() * 4) }, () =>
      world.collect(LEVELS_IN_USE[Math.floor(random() * 2)]!, { killed: random() < 0.2 }),
    );
    await Promise.all(
      [...pushes, ...collections].map((one) => one.catch((error: unknown) => trouble.push(error))),
    );
    await world.expectWhole();
    // Now and then long enough that most of what there was is over, and wanted again beside its collection.
    world.pass(random() < 0.25 ? 32 * DAY_MS : random() * 2 * DAY_MS);
  }
  // What is over is retired by one collection and freed by one a grace time later.
  for (let i = 0; i < 2; i += 1) {
    world.pass(25 * HOUR_MS);
    for (const level of LEVELS_IN_USE) await world.collect(level);
  }
  await world.expectWhole();
  return { trouble, ...(await world.blobBytes()), overdue: await world.overdue() };
}

interface Killable {
  readonly store: Store;
  readonly signal: AbortSignal;
  readonly isKilled: () => boolean;
}

interface World {
  readonly now: () => Date;
  /** The store as a process of its own has it, which may be killed at some request. */
  store(how: { readonly killed: boolean }): Killable;
  in(ms: number): string;
  pass(ms: number): void;
  collect(
    level: Level,
    how?: { readonly killed?: boolean; readonly dryRun?: boolean },
  ): Promise<CollectionReport | undefined>;
  /** Takes a push that was killed off the list of the open ones. */
  settle(pushId: string): Promise<void>;
  /** @throws when something that a record names is not whole. */
  expectWhole(): Promise<void>;
  blobBytes(): Promise<{ readonly total: number; readonly reachable: number }>;
  overdue(): Promise<readonly string[]>;
}

/** A store whose clock the test holds, and whose requests take turns at random. */
function openWorld(random: () => number, { open: openObjects, silentMs }: SideBySideOptions): World {
  let nowMs = Date.parse('2026-01-01T00:00:00Z');
  const now = (): Date => new Date(nowMs);
  const objects = openObjects(now);
  const lifetimes = { now, silentMs };
  const hurried = takingTurns(objects, async () => {
    nowMs += random() * 20_000;
    for (let turns = Math.floor(random() * 4); turns > 0; turns -= 1)
      await new Promise((resolve) => setImmediate(resolve));
  });
  const quiet = createStore(objects, undefined, lifetimes);

  function open({ killed, within }: { readonly killed: boolean; readonly within: number }): Killable {
    const kill = new AbortController();
    let requests = killed ? Math.floor(random() * within) : Infinity;
    const dying = takingTurns(hurried, () => {
      if ((requests -= 1) < 0) kill.abort();
      kill.signal.throwIfAborted();
      return Promise.resolve();
    });
    return {
      store: createStore(killed ? dying : hurried, undefined, lifetimes),
      signal: kill.signal,
      isKilled: () => kill.signal.aborted,
    };
  }

  /** What records name, read without the collector's own code. */
  async function named(): Promise<ReadonlySet<string>> {
    const found = new Set<string>();
    for await (const { key } of objects.list('level-')) {
      const body = (await objects.get(key))?.body.toString() ?? '';
      const level = Number(key[6]) as Level;
      const isRecent = (time: string | undefined): boolean =>
        nowMs - Date.parse(time ?? '') < lifeMsOf(CONFIG, level);
      if (key.includes('/index/') || (key.includes('/pushes/') && key.endsWith('.json')))
        for (const [, digest = ''] of body.matchAll(/"manifestDigest":"(sha256:[0-9a-f]+)"/g))
          found.add(digest);
      if (!/\/tasks\/image\/.*\/status\.json$/.test(key)) continue;
      const { runs } = JSON.parse(body) as { runs: { manifestDigest?: string; resolved: string }[] };
      for (const { manifestDigest, resolved } of runs)
        if (manifestDigest !== undefined && isRecent(resolved)) found.add(manifestDigest);
    }
    return found;
  }

  return {
    now,
    store: ({ killed }) => open({ killed, within: 60 }),
    in: (ms) => new Date(nowMs + ms).toISOString(),
    pass(ms) {
      nowMs += ms;
    },
    async collect(level, { killed = false, dryRun = false } = {}) {
      for (let given = 1; ; given += 1) {
        const { store, isKilled, signal } = open({ killed, within: 400 });
        try {
          const context = { signal, onProgress: () => undefined };
          return await collect({ store, config: CONFIG }, { level, dryRun }, context);
        } catch (error) {
          if (isKilled()) return undefined;
          // On a busy machine it may be silent for so long that it gives up, and is begun again as by its schedule.
          if (given === 10 || !String(error).includes('stood still')) throw error;
        }
      }
    },
    settle: (pushId) => quiet.pushes.close(pushId),
    async expectWhole() {
      for (const digest of await named())
        if (!(await isWhole(quiet.blobs, digest))) throw new Error(`${digest} is not whole any more`);
    },
    async blobBytes() {
      const reachable = new Map<string, number>();
      for (const digest of await named()) {
        const manifest = (await objects.get(`blobs/sha256/${digest.slice(7)}`))?.body ?? Buffer.from('');
        reachable.set(digest, manifest.length);
        for (const [, part = '', size] of manifest
          .toString()
          .matchAll(/"digest":"(sha256:[0-9a-f]+)","size":(\d+)/g))
          reachable.set(part, Number(size));
      }
      let total = 0;
      for await (const { sizeBytes } of objects.list('blobs/')) total += sizeBytes;
      return { total, reachable: [...reachable.values()].reduce((sum, bytes) => sum + bytes, 0) };
    },
    async overdue() {
      const late: string[] = [];
      for await (const { key, lastModified } of objects.list('level-')) {
        // Builds live as long as their entry in the index, which lives as long as it is used.
        if (key.includes('/image/') || key.includes('/index/')) continue;
        const lifeMs = lifeMsOf(CONFIG, Number(key[6]) as Level);
        if (lastModified.getTime() + lifeMs + 41 * DAY_MS < nowMs) late.push(key);
      }
      return late;
    },
  };
}

/** The same object store, where each request waits for its turn before and after. */
function takingTurns(objects: ObjectStore, turn: () => Promise<void>): ObjectStore {
  return new Proxy(objects, {
    get(target, name: keyof ObjectStore) {
      const member = target[name];
      if (typeof member !== 'function') return member;
      if (name === 'list')
        return async function* (...args: Parameters<ObjectStore['list']>) {
          for await (const info of target.list(...args)) {
            await turn();
            yield info;
          }
        };
      return async (...args: never[]) => {
        await turn();
        const answer = await (member as (...given: never[]) => Promise<unknown>).apply(target, args);
        await turn();
        return answer;
      };
    },
  });
}

/** Numbers from 0 to 1 that are the same for the same seed. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

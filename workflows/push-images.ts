import { patched } from '@temporalio/workflow';
import { withBareDigests } from '../model/pure/image-digests.ts';
import type { GraphImage, ImageOutcome, KnownImage } from '../model/pure/payloads.ts';
import type { Level } from '../model/pure/ids.ts';
import { PRIORITY_KEYS } from '../model/pure/priority.ts';
import { controlActivities } from './activity-proxies.ts';
import type { ImagesStanding } from './current-details.ts';
import { imagePriorities } from './image-priorities.ts';
import type { PushGraphState } from './push-graph-state.ts';
import type { PushGraph } from './push-graph.ts';

/** The images of one push: which are known already, which were asked for, how each ended. */
export class PushImages {
  readonly #all: readonly GraphImage[];
  /** Those that no task of this round needs. */
  readonly #kept: Set<string>;
  readonly #graph: PushGraph;
  readonly #resolved = new Map<string, KnownImage>();
  /** What the plan alone says of how images ended. */
  readonly #asPlanned = new Map<string, KnownImage>();
  #hasNews = false;
  #isAsked = false;

  /** `before`: how images of the same content ended earlier in this push, by their own task. `reopened`: as {@link reopened}. */
  constructor(
    images: readonly GraphImage[],
    graph: PushGraph,
    before: ReadonlyMap<string, KnownImage> = new Map(),
    reopened: readonly string[] = [],
  ) {
    const isOpen = new Set(reopened);
    this.#all = images;
    this.#graph = graph;
    const known = new Map(graph.state.images);
    this.#kept = new Set(
      images
        .filter(({ name, action }) => action === 'keep' && !known.has(name) && !isOpen.has(name))
        .map(({ name }) => name),
    );
    for (const image of this.#images) {
      const carried = known.get(image.name);
      const earlier = before.get(image.taskId);
      if (carried) this.#resolved.set(image.name, carried);
      else if (earlier) this.#settle(image, earlier);
      else {
        const planned = isOpen.has(image.name) ? undefined : plannedEnd(image);
        if (!planned) continue;
        this.#asPlanned.set(image.name, planned);
        this.#settle(image, planned);
      }
    }
    this.#hasNews = false;
  }

  /** Asks for everything that is not known yet; safe to repeat. */
  async request(requester: string, plannedAt: string, level: Level): Promise<void> {
    const open = this.#images.filter(({ name }) => !this.#resolved.has(name));
    if (open.length === 0) return;
    const priorities = imagePriorities(this.#all, this.#graph.waiting);
    const images = open.map(({ taskId, name, force }) => {
      // One that is to be rebuilt and that no task needs is no more urgent than a task that says nothing.
      const priority = priorities.get(name) ?? PRIORITY_KEYS.lowest;
      return { taskId, name, force, priority };
    });
    await controlActivities(level).requestImages({ requester, pushId: requester, plannedAt, images });
    this.#isAsked = true;
  }

  /** Says that {@link request} was called by an earlier run of the push. */
  markAsked(): void {
    this.#isAsked = true;
  }

  /** Takes an answer; one that came before counts. */
  resolve(resolved: KnownImage): void {
    for (const image of this.#images) {
      if (image.taskId === resolved.taskId && !this.#resolved.has(image.name)) this.#settle(image, resolved);
    }
  }

  /**
   * Tasks wait for these again: what could not be had is asked for by {@link request}, and what was not needed too, unless the push
   * recorded it in a round before.
   */
  reopen(names: ReadonlySet<string>): void {
    this.#takeRecorded(names);
    const isStored = (name: string): boolean => this.#resolved.get(name)?.stored !== undefined;
    const toHave = this.#withParents(new Set([...names].filter((name) => !isStored(name))));
    this.#takeRecorded(toHave);
    for (const name of new Set([...names, ...toHave])) {
      this.#kept.delete(name);
      if (!isStored(name)) this.#resolved.delete(name);
    }
  }

  #takeRecorded(names: ReadonlySet<string>): void {
    const recorded = this.#all.filter(
      ({ name, stored }) => stored !== undefined && names.has(name) && this.#kept.has(name),
    );
    // Replay: they were asked for before.
    if (recorded.length === 0 || !patched('take-recorded')) return;
    for (const image of recorded) {
      this.#kept.delete(image.name);
      const { taskId, stored } = image;
      if (stored) this.#settle(image, { taskId, reason: 'reused', stored, bytesUploaded: 0 });
    }
  }

  #withParents(names: ReadonlySet<string>): ReadonlySet<string> {
    const all = new Set(names);
    // Parents come before children in a plan.
    for (const { name, parent } of this.#all.toReversed())
      if (all.has(name) && parent !== undefined) all.add(parent);
    return all;
  }

  get #images(): readonly GraphImage[] {
    return this.#kept.size === 0 ? this.#all : this.#all.filter(({ name }) => !this.#kept.has(name));
  }

  /**
   * Settles what was asked for and is no image that tasks need, nor a parent of one, as canceled; gives their own tasks. What was to
   * be rebuilt is wanted by itself.
   */
  takeBackUnneeded(neededByTasks: ReadonlySet<string>): readonly string[] {
    const needed = this.#withParents(neededByTasks);
    const isUnneeded = ({ name, force }: GraphImage): boolean => !force && !needed.has(name);
    const unneeded = this.#images.filter((image) => !this.#resolved.has(image.name) && isUnneeded(image));
    for (const image of unneeded)
      this.#settle(image, { taskId: image.taskId, reason: 'canceled', bytesUploaded: 0 });
    return unneeded.map(({ taskId }) => taskId);
  }

  cancelOpen(): void {
    for (const image of this.#images) {
      if (!this.#resolved.has(image.name)) {
        this.#settle(image, { taskId: image.taskId, reason: 'canceled', bytesUploaded: 0 });
      }
    }
  }

  get openTaskIds(): readonly string[] {
    return this.#images.filter(({ name }) => !this.#resolved.has(name)).map(({ taskId }) => taskId);
  }

  /** Images that were asked for and have not answered. */
  get asked(): readonly { readonly taskId: string; readonly name: string }[] {
    if (!this.#isAsked) return [];
    return this.#images
      .filter(({ name }) => !this.#resolved.has(name))
      .map(({ taskId, name }) => ({ taskId, name }));
  }

  get standing(): ImagesStanding {
    const failed = [...this.#resolved].flatMap(([name, { stored, reason, detail }]) =>
      stored === undefined && reason !== 'canceled' ? [{ name, reason, detail }] : [],
    );
    return { toCome: this.asked.map(({ name }) => name), failed };
  }

  get allResolved(): boolean {
    return this.#resolved.size === this.#images.length;
  }

  /** Those that are open though the plan says that they are not: the next run of the push does not know it otherwise. */
  get reopened(): readonly string[] {
    return this.#images
      .filter(({ action, unavailable }) => action !== 'build' || unavailable !== undefined)
      .map(({ name }) => name)
      .filter((name) => !this.#resolved.has(name));
  }

  get allWell(): boolean {
    return [...this.#resolved.values()].every(({ stored }) => stored !== undefined);
  }

  /** How images ended, by their own task. */
  get resolved(): ReadonlyMap<string, KnownImage> {
    return new Map([...this.#resolved.values()].map((resolved) => [resolved.taskId, resolved]));
  }

  /** How images ended, by name, for the next run of the push: without what that makes of the plan itself. */
  get carried(): PushGraphState['images'] {
    const news = [...this.#resolved].filter(([name, resolved]) => this.#asPlanned.get(name) !== resolved);
    return news.map(([name, resolved]) => [name, withBareDigests(resolved)]);
  }

  get hasNews(): boolean {
    return this.#hasNews;
  }

  takeNews(): boolean {
    const news = this.#hasNews;
    this.#hasNews = false;
    return news;
  }

  /** For the push's record. */
  get outcomes(): readonly ImageOutcome[] {
    return this.#all.map(({ name, before }) => {
      if (before && this.#kept.has(name)) return before;
      const resolved = this.#resolved.get(name);
      // What an earlier round has built is found by this one, unless another has its place by now.
      const isFound =
        resolved?.reason === 'reused' &&
        before?.outcome === 'built' &&
        before.manifestDigest === resolved.stored?.manifestDigest;
      return isFound ? before : outcomeOf(name, resolved);
    });
  }

  #settle(image: GraphImage, resolved: KnownImage): void {
    this.#resolved.set(image.name, resolved);
    this.#graph.resolveImage(image.name, resolved);
    this.#hasNews = true;
  }
}

/** How an image ended of which the plan says so already. */
function plannedEnd(image: GraphImage): KnownImage | undefined {
  const { taskId, action, stored, unavailable, troubled, culprit } = image;
  if (action === 'reuse' && stored) return { taskId, reason: 'reused', stored, bytesUploaded: 0 };
  if (!unavailable) return undefined;
  const own = troubled ? 'internal-error' : 'image-build-failed';
  const reason = culprit ? 'dependency-failed' : own;
  return { taskId, reason, bytesUploaded: 0, detail: unavailable, ...(culprit ? { culprit } : {}) };
}

function outcomeOf(name: string, resolved: KnownImage | undefined): ImageOutcome {
  if (!resolved) return { name, outcome: 'pending', bytesUploaded: 0 };
  const { reason, bytesUploaded, stored, detail, fellBack } = resolved;
  const outcome = reason === 'built' || reason === 'reused' || reason === 'canceled' ? reason : 'failed';
  return {
    name,
    outcome,
    bytesUploaded,
    ...(stored ? { manifestDigest: stored.manifestDigest } : {}),
    ...(detail ? { detail } : {}),
    ...(fellBack ? { fellBack } : {}),
  };
}

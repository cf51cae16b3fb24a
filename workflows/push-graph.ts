import { cutAsJson } from '../model/pure/cut-text.ts';
import type { GraphTask } from '../model/pure/graph-pages.ts';
import type { KnownImage, TaskResolved, UnstartedTask } from '../model/pure/payloads.ts';
import type { Rerun } from '../model/pure/rerun.ts';
import { tasksToRerun } from '../model/pure/rerun.ts';
import type { TaskReason } from '../model/pure/states.ts';
import { isResolved, TASK_REASONS } from '../model/pure/states.ts';
import type { TasksStanding } from './current-details.ts';
import { EndedTasks } from './ended-tasks.ts';
import { OpenDependencies } from './open-dependencies.ts';
import type { KnownEnd, PushGraphState } from './push-graph-state.ts';
import { readGraphState, writeGraphState } from './push-graph-state.ts';

/** Of why an image could not be had, in the record of each task that waited for it: the image's own record has all of it. */
const DETAIL_BYTES = 1_000;

/**
 * Which tasks may start, and which can't any more. Pure bookkeeping: the push workflow feeds it with what
 * resolved, takes what became ready, and is told what will never start.
 */
export class PushGraph {
  readonly #tasks = new Map<string, GraphTask>();
  readonly #dependencies: OpenDependencies;
  readonly #byImage = new Map<string, string[]>();
  readonly #images = new Map<string, KnownImage>();
  readonly #resolved = new EndedTasks();
  readonly #open = new Set<string>();
  /** Those of the open ones whose start the server has confirmed. */
  readonly #started = new Set<string>();
  /** Run numbers of tasks that were set back in this round. */
  readonly #reopened = new Map<string, number>();
  /** Labels to look at again, since something they wait for changed. */
  #toCheck: string[];
  #neverStarted: UnstartedTask[] = [];

  constructor(tasks: readonly GraphTask[], state?: PushGraphState) {
    this.#dependencies = new OpenDependencies(tasks);
    for (const task of tasks) {
      this.#tasks.set(task.label, task);
      if (task.image) append(this.#byImage, task.image, task.label);
    }
    if (!state) for (const { label, ended } of tasks) if (ended) this.#end({ label, ...ended });
    if (state) {
      const { open, resolved, firstRuns } = readGraphState(state, tasks);
      for (const [label, firstRun] of firstRuns) this.#reopen(label, firstRun);
      for (const label of open) {
        this.#open.add(label);
        this.#started.add(label);
      }
      for (const each of resolved) this.#end(each);
      for (const [name, image] of state.images) this.#images.set(name, image);
    }
    this.#toCheck = tasks.map((task) => task.label);
  }

  /** All labels, in the plan's order. */
  get labels(): readonly string[] {
    return [...this.#tasks.keys()];
  }

  get unresolvedLabels(): readonly string[] {
    return this.labels.filter((label) => !this.#resolved.has(label));
  }

  /** Tasks that have neither begun nor ended. */
  get waiting(): readonly GraphTask[] {
    return [...this.#tasks.values()].filter(({ label }) => this.#isWaiting(label));
  }

  #isWaiting(label: string): boolean {
    return this.#tasks.has(label) && !this.#open.has(label) && !this.#resolved.has(label);
  }

  isOpen(label: string): boolean {
    return this.#open.has(label);
  }

  get openLabels(): readonly string[] {
    return [...this.#open];
  }

  /** Labels of tasks whose workflows are known to have begun and that are not resolved. */
  get startedLabels(): readonly string[] {
    return [...this.#started];
  }

  markStarted(label: string): void {
    if (this.#open.has(label)) this.#started.add(label);
  }

  get isDone(): boolean {
    return this.#resolved.size === this.#tasks.size;
  }

  get openCount(): number {
    return this.#open.size;
  }

  /** Whether `takeReady` may find something. */
  get hasToCheck(): boolean {
    return this.#toCheck.length > 0;
  }

  /** Whether `takeNeverStarted` gives something. */
  get hasNeverStarted(): boolean {
    return this.#neverStarted.length > 0;
  }

  get standing(): TasksStanding {
    return { count: this.#tasks.size, open: this.#open, ended: this.#resolved };
  }

  get state(): PushGraphState {
    return {
      ...writeGraphState(this.#tasks.keys(), {
        open: this.#open,
        resolved: this.#resolved,
        firstRuns: this.#reopened,
      }),
      images: [...this.#images],
    };
  }

  /** Names of the images that tasks run in. */
  imagesOf(labels: Iterable<string>): ReadonlySet<string> {
    const names = [...labels].map((label) => this.#tasks.get(label)?.image);
    return new Set(names.filter((name) => name !== undefined));
  }

  imageOf(label: string): KnownImage | undefined {
    const name = this.#tasks.get(label)?.image;
    return name === undefined ? undefined : this.#images.get(name);
  }

  allCompleted(): boolean {
    return [...this.#resolved.values()].every(({ state }) => state === 'completed');
  }

  resolveImage(name: string, resolved: KnownImage): void {
    const known = this.#images.get(name);
    // One that could not be had may have been asked for again since.
    if (known && (known.stored || !resolved.stored)) return;
    this.#images.set(name, resolved);
    this.#checkAgain(this.#byImage.get(name) ?? []);
  }

  resolveTask(resolved: TaskResolved): void {
    if (!this.#tasks.has(resolved.label) || this.#resolved.has(resolved.label)) return;
    this.#open.delete(resolved.label);
    this.#started.delete(resolved.label);
    this.#end(resolved);
    this.#checkAgain(this.#dependencies.of(resolved.label));
  }

  #end(resolved: KnownEnd): void {
    this.#resolved.set(resolved.label, resolved);
    this.#dependencies.end(resolved);
  }

  /** Replay: also those that are there already, since where a label comes first decides what starts before what. */
  #checkAgain(labels: Iterable<string>): void {
    for (const label of labels) this.#toCheck.push(label);
  }

  /** Labels of the tasks that are meant, whether or not they have ended. */
  meantBy(rerun: Rerun): readonly string[] {
    const hasFailed = (label: string): boolean => {
      const end = this.#resolved.get(label);
      return end !== undefined && end.state !== 'completed';
    };
    return tasksToRerun(this.#tasks.values(), hasFailed, rerun);
  }

  /** Whether it has ended, and that is recorded. */
  hasEnded(label: string): boolean {
    return this.#resolved.has(label) && !this.#isUnrecorded(label);
  }

  /** Whether it has begun, or ended, and that is still to be heard or recorded. */
  isEnding(label: string): boolean {
    return this.#open.has(label) || this.#isUnrecorded(label);
  }

  #isUnrecorded(label: string): boolean {
    return this.#neverStarted.some((unstarted) => unstarted.label === label);
  }

  /** Tasks that have ended wait again, for a run of that number. */
  reopen(runs: ReadonlyMap<string, number>): void {
    for (const [label, firstRun] of runs) {
      const ended = this.#resolved.get(label);
      if (ended) this.#dependencies.reopen(ended);
      this.#resolved.delete(label);
      this.#reopen(label, firstRun);
      const { image } = this.#tasks.get(label) ?? {};
      // One that could not be had is asked for again.
      if (image !== undefined && !this.#images.get(image)?.stored) this.#images.delete(image);
    }
    this.#checkAgain(runs.keys());
  }

  #reopen(label: string, firstRun: number): void {
    const task = this.#tasks.get(label);
    if (!task) return;
    this.#tasks.set(label, { ...task, firstRun });
    this.#reopened.set(label, firstRun);
  }

  /** Takes at most `limit` tasks that may start now; they count as open from here on. */
  takeReady(limit: number): readonly GraphTask[] {
    const ready: GraphTask[] = [];
    const rest = new Set<string>();
    // Resolving a task appends to #toCheck, so that a whole chain of dependents falls in one call.
    for (let i = 0; i < this.#toCheck.length; i++) {
      const label = this.#toCheck[i];
      const task = label === undefined ? undefined : this.#tasks.get(label);
      if (!task || this.#open.has(task.label) || this.#resolved.has(task.label)) continue;
      const obstacle = this.#obstacle(task);
      if (obstacle === 'wait') continue;
      if (obstacle) this.#giveUp(obstacle);
      else if (ready.length < limit) {
        this.#open.add(task.label);
        ready.push(task);
      } else rest.add(task.label);
    }
    this.#toCheck = [...rest];
    return ready;
  }

  /** Takes the tasks that end without a report of their own, to be recorded. */
  takeNeverStarted(): readonly UnstartedTask[] {
    const taken = this.#neverStarted;
    this.#neverStarted = [];
    return taken;
  }

  /** A task whose workflow was ended from outside tells nobody and leaves no record, so both are made up for here. */
  endFromOutside(label: string): void {
    if (!this.#tasks.has(label) || this.#resolved.has(label)) return;
    this.#giveUp({ label, reason: 'canceled', detail: 'Its workflow was ended in Temporal' });
  }

  /** Gives up everything that is not open: the push ends before its time. */
  abandonWaiting(reason: TaskReason): void {
    for (const { label } of this.waiting) this.#giveUp({ label, reason });
  }

  /** Gives up those of some tasks that have neither begun nor ended. */
  giveUpWaiting(tasks: readonly UnstartedTask[]): void {
    for (const task of tasks) if (this.#isWaiting(task.label)) this.#giveUp(task);
  }

  /** What a task that waits still waits for, in words. */
  obstaclesOf(label: string): readonly string[] {
    const { dependencies = [], image } = this.#tasks.get(label) ?? {};
    const tasks = dependencies.filter((dependency) => !this.#resolved.has(dependency));
    const images = image !== undefined && !this.#images.has(image) ? [`image ${image}`] : [];
    const all = [...images, ...tasks];
    return all.length === 0 ? ['its turn'] : all;
  }

  #giveUp(unstarted: UnstartedTask): void {
    this.#neverStarted.push(unstarted);
    const { label, reason, culprit } = unstarted;
    this.resolveTask({ label, state: TASK_REASONS[reason].state, reason, ...(culprit ? { culprit } : {}) });
  }

  /** Why a task may not start: undefined when it may, `wait` when something is still open, else how it ends. */
  #obstacle(task: GraphTask): UnstartedTask | 'wait' | undefined {
    const { label, requires } = task;
    if (requires === 'all-completed' && this.#dependencies.hasFallen(label))
      return this.#withoutDependency(task);
    const image = task.image === undefined ? undefined : this.#images.get(task.image);
    if (image && !image.stored) return withoutImage(label, image);
    const waits = this.#dependencies.hasOpen(label) || (task.image !== undefined && !image);
    return waits ? 'wait' : undefined;
  }

  #withoutDependency({ label, dependencies }: GraphTask): UnstartedTask {
    const ends = dependencies.map((dependency) => this.#resolved.get(dependency));
    const first = ends.find((end) => end && isResolved(end.state) && end.state !== 'completed');
    return { label, reason: 'dependency-failed', culprit: first?.culprit ?? first?.label ?? '' };
  }
}

function withoutImage(label: string, image: KnownImage): UnstartedTask {
  const reason = image.reason === 'built' || image.reason === 'reused' ? 'internal-error' : image.reason;
  return {
    label,
    reason,
    culprit: image.culprit ?? image.taskId,
    ...(image.detail ? { detail: cutAsJson(image.detail, DETAIL_BYTES) } : {}),
  };
}

function append(map: Map<string, string[]>, key: string, value: string): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}

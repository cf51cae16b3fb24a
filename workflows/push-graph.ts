import type { GraphTask, ImageResolved, TaskResolved, UnstartedTask } from '../model/pure/payloads.ts';
import type { TaskReason, TaskState } from '../model/pure/states.ts';
import { isResolved, TASK_REASONS } from '../model/pure/states.ts';

/** What survives continue-as-new: labels and letters only. */
export interface PushGraphState {
  /** Labels of tasks that were started and are not resolved. */
  readonly open: readonly string[];
  readonly resolved: readonly TaskResolved[];
  readonly images: readonly (readonly [name: string, resolved: ImageResolved])[];
}

/**
 * Which tasks may start, and which can't any more. Pure bookkeeping: the push workflow feeds it with what
 * resolved, takes what became ready, and is told what will never start.
 */
export class PushGraph {
  readonly #tasks = new Map<string, GraphTask>();
  readonly #dependents = new Map<string, string[]>();
  readonly #byImage = new Map<string, string[]>();
  readonly #images = new Map<string, ImageResolved>();
  readonly #resolved = new Map<string, TaskResolved>();
  readonly #open = new Set<string>();
  /** Those of the open ones whose start the server has confirmed. */
  readonly #started = new Set<string>();
  /** Labels to look at again, since something they wait for changed. */
  #toCheck: string[];
  #neverStarted: UnstartedTask[] = [];

  constructor(tasks: readonly GraphTask[], state?: PushGraphState) {
    for (const task of tasks) {
      this.#tasks.set(task.label, task);
      for (const dependency of task.dependencies) append(this.#dependents, dependency, task.label);
      if (task.image) append(this.#byImage, task.image, task.label);
    }
    for (const label of state?.open ?? []) {
      this.#open.add(label);
      this.#started.add(label);
    }
    for (const resolved of state?.resolved ?? []) this.#resolved.set(resolved.label, resolved);
    for (const [name, resolved] of state?.images ?? []) this.#images.set(name, resolved);
    this.#toCheck = tasks.map((task) => task.label);
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

  get state(): PushGraphState {
    return { open: this.openLabels, resolved: [...this.#resolved.values()], images: [...this.#images] };
  }

  imageOf(label: string): ImageResolved | undefined {
    const name = this.#tasks.get(label)?.image;
    return name === undefined ? undefined : this.#images.get(name);
  }

  allCompleted(): boolean {
    return [...this.#resolved.values()].every(({ state }) => state === 'completed');
  }

  resolveImage(name: string, resolved: ImageResolved): void {
    if (this.#images.has(name)) return;
    this.#images.set(name, resolved);
    this.#toCheck.push(...(this.#byImage.get(name) ?? []));
  }

  resolveTask(resolved: TaskResolved): void {
    if (!this.#tasks.has(resolved.label) || this.#resolved.has(resolved.label)) return;
    this.#open.delete(resolved.label);
    this.#started.delete(resolved.label);
    this.#resolved.set(resolved.label, resolved);
    this.#toCheck.push(...(this.#dependents.get(resolved.label) ?? []));
  }

  /** Takes at most `limit` tasks that may start now; they count as open from here on. */
  takeReady(limit: number): readonly GraphTask[] {
    const ready: GraphTask[] = [];
    const rest: string[] = [];
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
      } else rest.push(task.label);
    }
    this.#toCheck = rest;
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
    for (const task of this.#tasks.values()) {
      if (!this.#open.has(task.label) && !this.#resolved.has(task.label))
        this.#giveUp({ label: task.label, reason });
    }
  }

  #giveUp(unstarted: UnstartedTask): void {
    const state: TaskState = TASK_REASONS[unstarted.reason].state;
    this.#neverStarted.push(unstarted);
    this.resolveTask({
      label: unstarted.label,
      state,
      reason: unstarted.reason,
      ...(unstarted.culprit ? { culprit: unstarted.culprit } : {}),
    });
  }

  /** Why a task may not start: undefined when it may, `wait` when something is still open, else how it ends. */
  #obstacle(task: GraphTask): UnstartedTask | 'wait' | undefined {
    let waits = false;
    for (const label of task.dependencies) {
      const dependency = this.#resolved.get(label);
      if (!dependency || !isResolved(dependency.state)) waits = true;
      else if (task.requires === 'all-completed' && dependency.state !== 'completed') {
        return { label: task.label, reason: 'dependency-failed', culprit: dependency.culprit ?? label };
      }
    }
    if (task.image !== undefined) {
      const image = this.#images.get(task.image);
      if (!image) waits = true;
      else if (!image.stored) return withoutImage(task.label, image);
    }
    return waits ? 'wait' : undefined;
  }
}

function withoutImage(label: string, image: ImageResolved): UnstartedTask {
  const reason = image.reason === 'built' || image.reason === 'reused' ? 'internal-error' : image.reason;
  return {
    label,
    reason,
    culprit: image.culprit ?? image.taskId,
    ...(image.detail ? { detail: image.detail } : {}),
  };
}

function append(map: Map<string, string[]>, key: string, value: string): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}

import { patched, sleep } from '@temporalio/workflow';
import type { GraphTask } from '../model/pure/graph-pages.ts';
import { formatSeconds } from '../model/pure/duration.ts';
import type { UnstartedTask } from '../model/pure/payloads.ts';
import type { PushGraph } from './push-graph.ts';

/** Of what a task waits for. */
const NAMED = 3;

/** What of a push's deadlines survives continue-as-new. */
export interface DeadlinesState {
  /** When the push, or this round of it, began. */
  readonly beganMs: number;
  /** Times at which tasks were set back, with their places in the plan. */
  readonly setBack?: readonly (readonly [timeMs: number, places: readonly number[]])[];
}

/**
 * Until when the tasks of a push have to be resolved: counted from its start, for one that was set back from then. A task that has
 * begun is told; one that waits is watched here, by one timer for all of them.
 */
export class Deadlines {
  readonly #graph: PushGraph;
  readonly #beganMs: number;
  readonly #setBack = new Map<string, number>();
  #timerAtMs = Infinity;
  #mustLook = true;
  #isDue = true;

  constructor(graph: PushGraph, { beganMs, setBack = [] }: DeadlinesState) {
    this.#graph = graph;
    this.#beganMs = beganMs;
    const labels = graph.labels;
    for (const [timeMs, places] of setBack)
      for (const place of places) this.#setBack.set(labels[place] ?? '', timeMs);
  }

  get state(): DeadlinesState {
    const setBack = new Map<number, number[]>();
    for (const [place, label] of this.#graph.labels.entries()) {
      const timeMs = this.#setBack.get(label);
      if (timeMs === undefined) continue;
      const places = setBack.get(timeMs);
      if (places) places.push(place);
      else setBack.set(timeMs, [place]);
    }
    return { beganMs: this.#beganMs, ...(setBack.size > 0 ? { setBack: [...setBack] } : {}) };
  }

  /** When the time of a task is over. */
  of(task: GraphTask): string {
    return new Date(this.#ofMs(task)).toISOString();
  }

  /** From now on the time of these counts anew. */
  restart(labels: Iterable<string>): void {
    for (const label of labels) this.#setBack.set(label, Date.now());
    this.#mustLook = true;
  }

  /** Whether the time of a task that waits may be over. */
  get isDue(): boolean {
    return this.#isDue;
  }

  /** Takes the tasks that wait and whose time is over. */
  takeLate(): readonly UnstartedTask[] {
    if (!this.#isDue) return [];
    this.#isDue = false;
    this.#mustLook = true;
    const late = this.#graph.waiting.filter((task) => this.#ofMs(task) <= Date.now());
    if (late.length === 0 || !patched('deadline-while-waiting')) return [];
    return late.map(({ label, deadlineSeconds }) => ({
      label,
      reason: 'deadline-exceeded',
      detail: `${deadlineDetail(deadlineSeconds)}, while it waited for ${inShort(this.#graph.obstaclesOf(label))}`,
    }));
  }

  /** Sees to it that {@link isDue} holds when the time of the next one that waits is over. Replay: no timer where nothing waits. */
  watch(): void {
    if (!this.#mustLook) return;
    const waiting = this.#graph.waiting;
    const nextMs = waiting.reduce((least, task) => Math.min(least, this.#ofMs(task)), Infinity);
    if (nextMs < this.#timerAtMs) {
      if (!patched('deadline-while-waiting')) return;
      this.#timerAtMs = nextMs;
      void sleep(Math.max(1, nextMs - Date.now()), { summary: 'deadline of a task that waits' }).then(
        () => this.#ring(nextMs),
        () => undefined,
      );
    }
    this.#mustLook = false;
  }

  #ring(timerAtMs: number): void {
    if (this.#timerAtMs === timerAtMs) this.#timerAtMs = Infinity;
    this.#isDue = true;
  }

  #ofMs({ label, deadlineSeconds }: GraphTask): number {
    return (this.#setBack.get(label) ?? this.#beganMs) + deadlineSeconds * 1000;
  }
}

/** One task may wait for thousands. */
function inShort(names: readonly string[]): string {
  const named = names.slice(0, NAMED).join(', ');
  return names.length > NAMED ? `${named} and ${names.length - NAMED} more` : named;
}

/** Why a task ended whose time was over. */
export function deadlineDetail(deadlineSeconds: number): string {
  return `Its deadline came ${formatSeconds(deadlineSeconds)} after the push or rerun that asked for it`;
}

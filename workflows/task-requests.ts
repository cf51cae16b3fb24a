import { patched } from '@temporalio/workflow';
import type { Rerun } from '../model/pure/rerun.ts';

/** That tasks run again, or that those of some labels end as canceled. */
type TaskRequest = { readonly rerun: Rerun } | { readonly labels: readonly string[] };

/** What a running push was asked to do with its tasks and has not done. Whoever was asked later has the last word. */
export class TaskRequests {
  readonly #reruns: Rerun[];
  readonly #cancels: string[] = [];
  /** What came after some of the other kind that are not taken. */
  readonly #behind: TaskRequest[] = [];

  constructor(reruns: readonly Rerun[] = []) {
    this.#reruns = [...reruns];
  }

  add(request: TaskRequest): void {
    const isBehind = this.#behind.length > 0 || this.#isBehindOthers(request);
    // Replay: reruns and cancels knew nothing of each other before.
    if (isBehind && patched('requests-in-order')) this.#behind.push(request);
    else this.#put(request);
  }

  get hasReruns(): boolean {
    return this.#reruns.length > 0 || this.#behind.length > 0;
  }

  get hasCancels(): boolean {
    return this.#cancels.length > 0 || this.#behind.length > 0;
  }

  /** All that may be done before any further cancel. */
  takeReruns(): readonly Rerun[] {
    const taken = this.#reruns.splice(0);
    this.#moveUp();
    return taken;
  }

  /** Labels of all that may be cancelled before any further rerun. */
  takeCancels(): readonly string[] {
    const taken = this.#cancels.splice(0);
    this.#moveUp();
    return taken;
  }

  #moveUp(): void {
    for (let [next] = this.#behind; next && !this.#isBehindOthers(next); [next] = this.#behind) {
      this.#behind.shift();
      this.#put(next);
    }
  }

  #isBehindOthers(request: TaskRequest): boolean {
    return ('rerun' in request ? this.#cancels : this.#reruns).length > 0;
  }

  #put(request: TaskRequest): void {
    if ('rerun' in request) this.#reruns.push(request.rerun);
    else this.#cancels.push(...request.labels);
  }
}

import type { TaskState } from '../model/pure/states.ts';
import type { KnownEnd } from './push-graph-state.ts';

/** How the tasks of a push ended, by label. Those of a state are there without a look at all of them, of which there are thousands. */
export class EndedTasks extends Map<string, KnownEnd> {
  readonly #labels = new Map<TaskState, Set<string>>();

  /** Labels of those that ended so, in the order of their ends. */
  labelsOf(state: TaskState): ReadonlySet<string> {
    return this.#of(state);
  }

  override set(label: string, end: KnownEnd): this {
    this.delete(label);
    this.#of(end.state).add(label);
    return super.set(label, end);
  }

  override delete(label: string): boolean {
    const end = this.get(label);
    if (end) this.#of(end.state).delete(label);
    return super.delete(label);
  }

  #of(state: TaskState): Set<string> {
    const labels = this.#labels.get(state) ?? new Set();
    this.#labels.set(state, labels);
    return labels;
  }
}

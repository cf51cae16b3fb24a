import type { GraphTask } from '../model/pure/graph-pages.ts';
import { isResolved } from '../model/pure/states.ts';
import type { KnownEnd } from './push-graph-state.ts';

/**
 * How many of the dependencies of each task are open, and how many ended without having completed. What one end changes takes as
 * long as there are dependents of it, however many dependencies those have.
 */
export class OpenDependencies {
  readonly #dependents = new Map<string, string[]>();
  readonly #open = new Map<string, number>();
  readonly #fallen = new Map<string, number>();

  /** All of them are open in the beginning. */
  constructor(tasks: Iterable<GraphTask>) {
    for (const { label, dependencies } of tasks) {
      this.#open.set(label, dependencies.length);
      for (const dependency of dependencies) {
        const dependents = this.#dependents.get(dependency);
        if (dependents) dependents.push(label);
        else this.#dependents.set(dependency, [label]);
      }
    }
  }

  /** Labels of the tasks that depend on one, in the plan's order. */
  of(label: string): readonly string[] {
    return this.#dependents.get(label) ?? [];
  }

  /** Whether a task has dependencies that are open. */
  hasOpen(label: string): boolean {
    return (this.#open.get(label) ?? 0) > 0;
  }

  /** Whether a task has dependencies that ended without having completed. */
  hasFallen(label: string): boolean {
    return (this.#fallen.get(label) ?? 0) > 0;
  }

  end(ended: KnownEnd): void {
    this.#count(ended, 1);
  }

  /** Takes an end back. */
  reopen(ended: KnownEnd): void {
    this.#count(ended, -1);
  }

  #count({ label, state }: KnownEnd, ends: 1 | -1): void {
    if (!isResolved(state)) return;
    for (const dependent of this.of(label)) {
      add(this.#open, dependent, -ends);
      if (state !== 'completed') add(this.#fallen, dependent, ends);
    }
  }
}

function add(counts: Map<string, number>, label: string, count: number): void {
  counts.set(label, (counts.get(label) ?? 0) + count);
}

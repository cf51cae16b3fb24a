import type { PushInput, TaskResolved } from './payloads.ts';

/** A task as the workflow of its push knows it: labels and numbers only. The plan itself is in the store. */
export interface GraphTask {
  readonly label: string;
  readonly dependencies: readonly string[];
  readonly requires: 'all-completed' | 'all-resolved';
  /** Name of the in-tree image that it runs in. */
  readonly image?: string;
  readonly firstRun: number;
  readonly retries: number;
  readonly deadlineSeconds: number;
  readonly maxRunTimeSeconds: number;
  readonly priority: number;
  /** It runs where private engines may be; absent in histories from before there were any. */
  readonly dind?: true;
  /** How it ended before this round, when this round leaves it as it is. */
  readonly ended?: Omit<TaskResolved, 'label'>;
}

/** What many tasks of a push have in common. */
export type GraphKind = Omit<GraphTask, 'label' | 'dependencies' | 'firstRun' | 'ended'>;

/**
 * One task: its kind by its place in the page, its dependencies by their places in the plan; or the place in the page of a task that
 * has the same ones, since thousands may have hundreds in common.
 */
export type GraphEntry = readonly [
  label: string,
  kind: number,
  firstRun: number,
  dependencies: readonly number[] | number,
  ended?: Omit<TaskResolved, 'label'>,
];

/**
 * A part of the graph of a push, on its way from the plan in the store into the push's workflow. Its history keeps every
 * page, so that they are small: a page stays far below what a payload may have, and ten thousand tasks below one run's history.
 */
export interface GraphPage {
  readonly kinds: readonly GraphKind[];
  /** In the plan's order. */
  readonly tasks: readonly GraphEntry[];
  /** Place of the first task of the next page; absent on the last one. */
  readonly next?: number;
}

export interface LoadGraphInput {
  readonly push: PushInput;
  readonly pushId: string;
  readonly plannedAt: string;
  /** Place in the plan of the first task of the page. */
  readonly from: number;
}

/** Characters of a page; a server warns of payloads beyond twice as many. */
const PAGE_LENGTH = 250_000;

/** The page that begins with the task at a place. `placeOf` gives the places of labels. */
export function graphPage(
  tasks: readonly GraphTask[],
  from: number,
  placeOf: (label: string) => number,
): GraphPage {
  const kinds = new Map<string, number>();
  const lists = new Map<string, number>();
  const entries: GraphEntry[] = [];
  let length = 0;
  let at = from;
  for (const task of tasks.slice(from)) {
    if (length > PAGE_LENGTH) break;
    const { label, dependencies, firstRun, ended, ...kind } = task;
    const text = JSON.stringify(kind);
    if (!kinds.has(text)) {
      kinds.set(text, kinds.size);
      length += text.length;
    }
    const entry = [label, kinds.get(text) ?? 0, firstRun, listOf(dependencies.map(placeOf))] as const;
    entries.push(ended ? [...entry, ended] : entry);
    length += JSON.stringify(entries.at(-1)).length;
    at += 1;
  }
  return {
    kinds: [...kinds.keys()].map((text) => JSON.parse(text) as GraphKind),
    tasks: entries,
    ...(at < tasks.length ? { next: at } : {}),
  };

  /** A list of one is as short as a place. */
  function listOf(places: readonly number[]): readonly number[] | number {
    const text = places.join();
    const first = lists.get(text);
    if (places.length < 2 || first !== undefined) return first ?? places;
    lists.set(text, entries.length);
    return places;
  }
}

/** The tasks that pages, all of them and in order, tell of. */
export function graphTasks(pages: readonly GraphPage[]): GraphTask[] {
  const labels = pages.flatMap(({ tasks }) => tasks.map(([label]) => label));
  return pages.flatMap(({ kinds, tasks }) => {
    const lists: (readonly string[])[] = [];
    return tasks.map(([label, kind, firstRun, places, ended]) => {
      // Those that have the same share one list in memory, too.
      const dependencies =
        typeof places === 'number' ? (lists[places] ?? []) : places.map((place) => labels[place] ?? '');
      lists.push(dependencies);
      return { ...(kinds[kind] as GraphKind), label, firstRun, dependencies, ...(ended ? { ended } : {}) };
    });
  });
}

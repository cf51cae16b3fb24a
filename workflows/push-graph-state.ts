import type { GraphTask } from '../model/pure/graph-pages.ts';
import type { KnownImage, TaskResolved } from '../model/pure/payloads.ts';

/** What of a push's graph survives continue-as-new: a letter a task, so that ten thousand tasks are ten kilobytes. */
export interface PushGraphState {
  /** In the plan's order: `-` not begun, `o` open, else how it ended. */
  readonly letters: string;
  /** Tasks or images because of which others ended, with the places of those. */
  readonly culprits: readonly (readonly [culprit: string, places: readonly number[]] | CulpritOfOne)[];
  /** Places of tasks that were set back in this round, and the numbers of their first runs since. */
  readonly firstRuns?: readonly (readonly [place: number, firstRun: number])[];
  readonly images: readonly (readonly [name: string, resolved: KnownImage])[];
  /** Names of images that were asked for again, in spite of the plan, and have not answered. */
  readonly reopened?: readonly string[];
}

/** As pushes carried it when each of ten thousand tasks named it anew. */
type CulpritOfOne = readonly [place: number, culprit: string];

/** As pushes carried it that began before the letters. */
interface StateInWords {
  readonly open: readonly string[];
  readonly resolved: readonly TaskResolved[];
  readonly images: PushGraphState['images'];
}

/** How a task ended as its push knows it. Why is not known of one that an earlier run of the push has heard of. */
export type KnownEnd = Omit<TaskResolved, 'reason'> & Partial<Pick<TaskResolved, 'reason'>>;

/** How a task of each letter ended. */
const STATES = { c: 'completed', f: 'failed', e: 'exception' } as const;

type EndLetter = keyof typeof STATES;

export interface TaskStates {
  readonly open: readonly string[];
  readonly resolved: readonly KnownEnd[];
  readonly firstRuns: readonly (readonly [label: string, firstRun: number])[];
}

/** What letters, or the words of before, say of the tasks of a plan. */
export function readGraphState(
  state: PushGraphState | StateInWords,
  tasks: readonly GraphTask[],
): TaskStates {
  if ('resolved' in state) return { ...state, firstRuns: [] };
  const culprits = readCulprits(state.culprits);
  const open: string[] = [];
  const resolved: KnownEnd[] = [];
  for (const [place, { label }] of tasks.entries()) {
    const letter = state.letters.charAt(place);
    if (letter === 'o') open.push(label);
    if (!isEnd(letter)) continue;
    const culprit = culprits.get(place);
    resolved.push({ label, state: STATES[letter], ...(culprit === undefined ? {} : { culprit }) });
  }
  const firstRuns = (state.firstRuns ?? []).map(
    ([place, firstRun]) => [tasks[place]?.label ?? '', firstRun] as const,
  );
  return { open, resolved, firstRuns };
}

function readCulprits(culprits: PushGraphState['culprits']): ReadonlyMap<number, string> {
  const byPlace = new Map<number, string>();
  for (const entry of culprits) {
    if (isOfOne(entry)) byPlace.set(...entry);
    else for (const place of entry[1]) byPlace.set(place, entry[0]);
  }
  return byPlace;
}

function isOfOne(entry: PushGraphState['culprits'][number]): entry is CulpritOfOne {
  return typeof entry[0] === 'number';
}

/** The letters of tasks in the plan's order. */
export function writeGraphState(
  labels: Iterable<string>,
  states: {
    readonly open: ReadonlySet<string>;
    readonly resolved: ReadonlyMap<string, KnownEnd>;
    readonly firstRuns: ReadonlyMap<string, number>;
  },
): Omit<PushGraphState, 'images' | 'reopened'> {
  const letters: string[] = [];
  const culprits = new Map<string, number[]>();
  const firstRuns: (readonly [number, number])[] = [];
  for (const label of labels) {
    const firstRun = states.firstRuns.get(label);
    if (firstRun !== undefined) firstRuns.push([letters.length, firstRun]);
    const end = states.resolved.get(label);
    if (end?.culprit !== undefined) {
      const places = culprits.get(end.culprit) ?? [];
      culprits.set(end.culprit, places);
      places.push(letters.length);
    }
    letters.push(end ? letterOf(end) : states.open.has(label) ? 'o' : '-');
  }
  return {
    letters: letters.join(''),
    culprits: [...culprits],
    ...(firstRuns.length > 0 ? { firstRuns } : {}),
  };
}

function letterOf({ state }: KnownEnd): EndLetter {
  if (state === 'completed') return 'c';
  return state === 'failed' ? 'f' : 'e';
}

function isEnd(letter: string): letter is EndLetter {
  return letter in STATES;
}

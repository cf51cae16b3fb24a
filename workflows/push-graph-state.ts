import type { GraphTask } from '../model/pure/graph-pages.ts';
import type { ImageResolved, TaskResolved } from '../model/pure/payloads.ts';

/** What of a push's graph survives continue-as-new: a letter a task, so that ten thousand tasks are ten kilobytes. */
export interface PushGraphState {
  /** In the plan's order: `-` not begun, `o` open, else how it ended. */
  readonly letters: string;
  /** Places of tasks that ended because of another task or image, and what that was. */
  readonly culprits: readonly (readonly [place: number, culprit: string])[];
  /** Places of tasks that were set back in this round, and the numbers of their first runs since. */
  readonly firstRuns?: readonly (readonly [place: number, firstRun: number])[];
  readonly images: readonly (readonly [name: string, resolved: ImageResolved])[];
}

/** As pushes carried it that began before the letters. */
interface StateInWords {
  readonly open: readonly string[];
  readonly resolved: readonly TaskResolved[];
  readonly images: PushGraphState['images'];
}

/** How a task of each letter ended, as far as others ask. */
const ENDS = {
  c: { state: 'completed', reason: 'completed' },
  f: { state: 'failed', reason: 'failed' },
  e: { state: 'exception', reason: 'internal-error' },
} as const;

type EndLetter = keyof typeof ENDS;

export interface TaskStates {
  readonly open: readonly string[];
  readonly resolved: readonly TaskResolved[];
  readonly firstRuns: readonly (readonly [label: string, firstRun: number])[];
}

/** What letters, or the words of before, say of the tasks of a plan. */
export function readGraphState(
  state: PushGraphState | StateInWords,
  tasks: readonly GraphTask[],
): TaskStates {
  if ('resolved' in state) return { ...state, firstRuns: [] };
  const culprits = new Map(state.culprits);
  const open: string[] = [];
  const resolved: TaskResolved[] = [];
  for (const [place, { label }] of tasks.entries()) {
    const letter = state.letters.charAt(place);
    if (letter === 'o') open.push(label);
    if (!isEnd(letter)) continue;
    const culprit = culprits.get(place);
    resolved.push({ label, ...ENDS[letter], ...(culprit === undefined ? {} : { culprit }) });
  }
  const firstRuns = (state.firstRuns ?? []).map(
    ([place, firstRun]) => [tasks[place]?.label ?? '', firstRun] as const,
  );
  return { open, resolved, firstRuns };
}

/** The letters of tasks in the plan's order. */
export function writeGraphState(
  labels: Iterable<string>,
  states: {
    readonly open: ReadonlySet<string>;
    readonly resolved: ReadonlyMap<string, TaskResolved>;
    readonly firstRuns: ReadonlyMap<string, number>;
  },
): Omit<PushGraphState, 'images'> {
  const letters: string[] = [];
  const culprits: (readonly [number, string])[] = [];
  const firstRuns: (readonly [number, number])[] = [];
  for (const label of labels) {
    const firstRun = states.firstRuns.get(label);
    if (firstRun !== undefined) firstRuns.push([letters.length, firstRun]);
    const end = states.resolved.get(label);
    if (end?.culprit !== undefined) culprits.push([letters.length, end.culprit]);
    letters.push(end ? letterOf(end) : states.open.has(label) ? 'o' : '-');
  }
  return { letters: letters.join(''), culprits, ...(firstRuns.length > 0 ? { firstRuns } : {}) };
}

function letterOf({ state }: TaskResolved): EndLetter {
  if (state === 'completed') return 'c';
  return state === 'failed' ? 'f' : 'e';
}

function isEnd(letter: string): letter is EndLetter {
  return letter in ENDS;
}

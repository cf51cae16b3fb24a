import type { Finding } from '../model/findings.ts';
import { DECISION_LABEL } from '../model/pure/decision.ts';
import type { Level } from '../model/pure/ids.ts';
import type { PlannedTask } from '../model/schema/plan.ts';
import { readPattern } from '../model/pure/pattern-lists.ts';
import type { ChangedPaths } from './changed-paths.ts';
import { createMatcher, globMistake } from './globs.ts';
import { orderGraph } from './graph.ts';
import { neededImages } from './needed-images.ts';
import { Nearest } from '../model/nearest.ts';
import type { NormalizedTask } from './normalize.ts';
import type { ValidConfig } from './parse-slipway-yml.ts';
import { createWhenCheck } from './when.ts';

type Place = Pick<Finding, 'line' | 'column'>;

/** What a push is and what was asked of it. */
export interface Selection {
  /**
   * Exact labels, globs, or `image:` and a name or glob of images; what stands after `!` is not wanted. Without any, every task whose
   * `when` holds is.
   */
  readonly tasks?: readonly string[] | undefined;
  /** Where the patterns stand, for findings; default `--tasks`. */
  readonly from?: string | undefined;
  /** The place of each pattern there; default: the first line, whose columns count the patterns. */
  readonly places?: readonly Place[] | undefined;
  /** Full (`refs/heads/main`) or short (`main`). */
  readonly ref: string;
  readonly level: Level;
  /**
   * Paths that differ from the base; undefined: not known, so everything counts as changed. Of thousands the answers are to be looked
   * for ahead, since to select waits for nothing.
   */
  readonly changedFiles?: readonly string[] | ChangedPaths | undefined;
  /** A decision program may print further tasks: a pattern that matches none yet is no mistake. */
  readonly isOpen?: boolean;
}

export interface Selected {
  /** Wanted tasks and what they depend on, dependencies before dependents, else in the order of the file. */
  readonly tasks: PlannedTask[];
  /** In-tree images of these tasks, and those that patterns name, with their parents, parents first, else in the order of the file. */
  readonly neededImages: string[];
  /** The same without those that are merely parents. */
  readonly wantedImages: string[];
  /** Every other task, in the order of the file, with the reason; then those that cannot be any here. */
  readonly skipped: { label: string; why: string }[];
  /** Patterns that match nothing. They stand in no file: it is `--tasks`, and the column counts the patterns; or where `from` and `places` say. */
  readonly findings: Finding[];
}

/** Before the name or glob of images. */
const IMAGE = 'image:';

const DECIDES = 'the decision program: it prints the other tasks';
const BY_DEFAULT = 'no selection: every task whose `when` holds';

/**
 * Decides which tasks a push runs, and why. A task named by a pattern ignores `changed`, never `refs` and `levels`; so does
 * a dependency of a wanted task. A task whose dependency may not run here does not run either.
 */
export function selectTasks(config: ValidConfig, selection: Selection): Selected {
  const tasks = new Map(Object.entries(config.tasks));
  const order = orderGraph(tasks.keys(), (label) => tasks.get(label)?.dependencies ?? []).order;
  const when = createWhenCheck(selection);
  const blocked = findBlocked();
  const given = selection.tasks ?? [];
  const { patterns, imagePatterns, findings } = readSelection(selection, {
    labels: new Set(tasks.keys()),
    imageNames: new Set(Object.keys(config.images)),
    leftOut: config.leftOut,
  });
  const images = Object.keys(config.images).filter((name) =>
    imagePatterns.some(({ matches }) => matches(name)),
  );
  const hasPatterns = given.length > 0;
  const takesOutOnly = given.every((text) => readPattern(text).isNegated);
  const where = selection.from === undefined ? '' : ` of ${selection.from}`;
  const skipped = new Map<string, string>();
  const wanted = new Map<string, string>();
  for (const task of tasks.values()) chooseRoot(task);
  wantDependencies();

  const planned = order.flatMap((label) => {
    const task = tasks.get(label);
    const why = wanted.get(label);
    return task && why !== undefined ? [plan(task, why)] : [];
  });
  const used = planned.flatMap(({ image }) => (image.type === 'in-tree' ? [image.name] : []));
  return {
    tasks: planned,
    wantedImages: [...new Set([...used, ...images])],
    neededImages: neededImages(config.images, planned, images),
    skipped: [
      ...[...tasks.keys()]
        .filter((label) => !wanted.has(label))
        .map((label) => ({ label, why: skipped.get(label) ?? '' })),
      ...[...(config.leftOut ?? [])].map(([label, why]) => ({ label, why })),
    ],
    findings,
  };

  /** Why tasks may not run at this ref and level: by their own `when`, or by that of one they depend on. */
  function findBlocked(): Map<string, string> {
    const reasons = new Map<string, string>();
    for (const label of order) {
      const task = tasks.get(label);
      if (!task) continue;
      const culprit = task.dependencies.find((dependency) => reasons.has(dependency));
      const reason =
        when.blocked(task) ?? (culprit === undefined ? undefined : needs(culprit, reasons.get(culprit)));
      if (reason !== undefined) reasons.set(label, reason);
    }
    return reasons;
  }

  function chooseRoot(task: NormalizedTask): void {
    if (config.decides && task.label === DECISION_LABEL) {
      wanted.set(task.label, DECIDES);
      return;
    }
    const matching = patterns.filter(({ matches }) => matches(task.label));
    const out = matching.find(({ isNegated }) => isNegated);
    const pattern = matching[0] ?? (takesOutOnly ? patterns[0] : undefined);
    const unselected = hasPatterns && !pattern ? 'not selected' : undefined;
    const unchanged = pattern ? undefined : when.unchanged(task);
    const against =
      (out && `taken out by "${out.text}"${where}`) ?? unselected ?? blocked.get(task.label) ?? unchanged;
    if (against !== undefined) skipped.set(task.label, against);
    else wanted.set(task.label, pattern ? `selected by "${pattern.text}"${where}` : BY_DEFAULT);
  }

  /** Dependents come after their dependencies in the order, so one way back meets every dependent first. */
  function wantDependencies(): void {
    for (const label of [...order].reverse()) {
      if (!wanted.has(label)) continue;
      for (const dependency of tasks.get(label)?.dependencies ?? []) {
        if (wanted.has(dependency)) continue;
        const unchanged = tasks.get(dependency) && when.unchanged(tasks.get(dependency) as NormalizedTask);
        wanted.set(dependency, `needed by ${label}${unchanged ? `, although ${unchanged}` : ''}`);
      }
    }
  }
}

function needs(culprit: string, reason: string | undefined): string {
  // A chain names its end only: "needs a: …" where a itself needs b would be said twice over.
  return reason?.startsWith('needs ') ? reason : `needs ${culprit}: ${reason ?? 'it may not run here'}`;
}

function isOfImages(pattern: string): boolean {
  return readPattern(pattern).pattern.startsWith(IMAGE);
}

type Asked = Pick<Selection, 'tasks' | 'from' | 'places' | 'isOpen'>;

interface Names {
  readonly labels: ReadonlySet<string>;
  readonly imageNames: ReadonlySet<string>;
  /** What can be no task here, with the reason. */
  readonly leftOut?: ReadonlyMap<string, string> | undefined;
}

/** What is wrong with the patterns alone, where nothing can be selected since the file has mistakes. */
export function checkSelection(asked: Asked, names: Names): readonly Finding[] {
  return readSelection(asked, names).findings;
}

function readSelection(
  asked: Asked,
  { labels, imageNames, leftOut }: Names,
): { patterns: Pattern[]; imagePatterns: Pattern[]; findings: Finding[] } {
  const given = asked.tasks ?? [];
  const ofTasks = readPatterns(
    given.map((text, index) => (isOfImages(text) ? undefined : [text, index])),
    { ...asked, names: labels, leftOut, kind: 'task' },
  );
  const ofImages = readPatterns(
    given.map((text, index) => (isOfImages(text) ? [text.replace(IMAGE, ''), index] : undefined)),
    { ...asked, isOpen: false, names: imageNames, kind: 'image' },
  );
  const findings = [...ofTasks.findings, ...ofImages.findings];
  return { patterns: ofTasks.patterns, imagePatterns: ofImages.patterns, findings };
}

interface Pattern {
  readonly text: string;
  readonly isNegated: boolean;
  /** Whether what stands after its `!`, if it has one, matches. */
  readonly matches: (label: string) => boolean;
}

interface PatternsOf {
  readonly from?: string | undefined;
  readonly places?: readonly Place[] | undefined;
  readonly isOpen?: boolean;
  readonly names: ReadonlySet<string>;
  readonly leftOut?: ReadonlyMap<string, string> | undefined;
  readonly kind: 'task' | 'image';
}

/** Reads patterns, each with its place among all that were given. */
function readPatterns(
  texts: readonly (readonly [text: string, index: number] | undefined)[],
  { from = '--tasks', places = [], isOpen = false, names, leftOut, kind }: PatternsOf,
): { patterns: Pattern[]; findings: Finding[] } {
  const nearest = new Nearest();
  const patterns: Pattern[] = [];
  const findings: Finding[] = [];
  for (const [text, index] of texts.filter((given) => given !== undefined)) {
    const mistake = names.has(text) ? undefined : globMistake(text);
    if (mistake) {
      report(`the pattern "${text}" ${mistake}`);
      continue;
    }
    const { pattern: glob, isNegated } = readPattern(text);
    if (isNegated && kind === 'image') {
      report(`no image can be taken out: "${glob}"`, 'name the images that are wanted');
      continue;
    }
    const matches = names.has(glob) ? (name: string) => name === glob : createMatcher(glob);
    patterns.push({ text, isNegated, matches });
    if ([...names].some(matches)) continue;
    if (isOpen)
      report(`no ${kind} of the file matches "${glob}"`, 'the decision program may print one', 'warning');
    else report(`no ${kind} matches "${glob}"`, leftOut?.get(glob) ?? nearest.hint(glob, names));

    function report(message: string, hint?: string, severity: Finding['severity'] = 'error'): void {
      const place = places[index] ?? { line: 1, column: index + 1 };
      findings.push({ severity, file: from, ...place, message, hint });
    }
  }
  return { patterns, findings };
}

function plan({ when: _when, ...task }: NormalizedTask, why: string): PlannedTask {
  return { ...task, why };
}

import type { Finding } from '../model/findings.ts';
import { DECISION_LABEL, MOST_PRINTED_TASKS } from '../model/pure/decision.ts';
import { taskIdIn } from '../model/pure/ids.ts';
import type { YamlSource } from './read-yaml.ts';
import { readYaml } from './read-yaml.ts';
import { isTaskgraph } from './taskgraph/document.ts';
import { taskgraphSource } from './taskgraph/taskgraph-source.ts';
import { shorten } from '../model/shorten.ts';
import { entriesOf, isRecord, ownValue, valueAt } from './values.ts';
import type { YamlPath } from './yaml-positions.ts';

/** What a decision program printed, and what it is called in findings. */
export interface Printed {
  readonly text: string;
  readonly file: string;
}

const FIELDS = ['version', 'tasks'];

const HINTS: Readonly<Record<string, string>> = {
  images: 'images stand in slipway.yml: their hashes are known before the program runs',
  defaults: 'the defaults of slipway.yml are merged under printed tasks too',
  decision: 'one program decides',
};

export interface JoinOptions {
  /** The push that is planned, for what refers to ids of its tasks. */
  readonly pushId?: string | undefined;
  /** Tasks of a graph of taskgraph whose images cannot be had, by label, with the reason: they are left out. */
  readonly unavailable?: ReadonlyMap<string, string> | undefined;
}

/** Both texts as one. */
export interface JoinedSource extends YamlSource {
  /** Tasks of what was printed that cannot be any here, with the reason. */
  readonly leftOut?: ReadonlyMap<string, string>;
  /** Tasks of what was printed that are images here, by the name of the image. */
  readonly imageTasks?: ReadonlyMap<string, string>;
  /** Whether what stands at a path was translated from another tool's words. */
  isTranslated?(path: YamlPath): boolean;
}

/**
 * The file with the tasks that its decision program printed, as if all stood in one text. What taskgraph prints is understood, with
 * the images in it; there ids of tasks are those of the push, or labels where it is not known.
 */
export function joinPrinted(
  file: YamlSource,
  { text, file: name }: Printed,
  { pushId, unavailable = new Map() }: JoinOptions = {},
): JoinedSource {
  const read = readYaml(text, name, '{"tasks": {}}');
  const images = valueAt(file.value, ['images']);
  const taskgraph = isTaskgraph(read.value)
    ? taskgraphSource(read, read.value, {
        written: {
          images: asRecord(images),
          tasks: asRecord(valueAt(file.value, ['tasks'])),
          defaults: asRecord(valueAt(file.value, ['defaults'])),
        },
        unavailable,
        taskIdOf: (label) => (pushId === undefined ? label : taskIdIn(pushId, label)),
      })
    : undefined;
  const printed = taskgraph ?? read;
  const written = valueAt(file.value, ['tasks']);
  const added = valueAt(printed.value, ['tasks']);
  const addedImages = taskgraph ? asRecord(valueAt(printed.value, ['images'])) : {};
  const isPrinted = ([field, name]: YamlPath): boolean => {
    if (name === undefined) return false;
    if (field === 'images') return !has(images, name) && has(addedImages, name);
    return field === 'tasks' && !has(written, name) && has(added, name);
  };
  const of = (path: YamlPath): YamlSource => (isPrinted(path) ? printed : file);
  return {
    file: file.file,
    usable: file.usable && printed.usable,
    value: isRecord(file.value)
      ? {
          ...file.value,
          ...(Object.keys(addedImages).length > 0 && (images === undefined || isRecord(images))
            ? { images: { ...addedImages, ...asRecord(images) } }
            : {}),
          tasks: isRecord(added) ? { ...asRecord(written), ...added, ...asRecord(written) } : written,
        }
      : file.value,
    findings: [
      ...file.findings,
      ...printed.findings,
      ...checkPrinted(printed, written, taskgraph && 'images'),
    ],
    position: (path, at) => ({ ...of(path).position(path, at), ...(isPrinted(path) ? { file: name } : {}) }),
    has: (path) => of(path).has(path),
    writtenAt: (path) => of(path).writtenAt(path),
    ...(taskgraph
      ? { leftOut: taskgraph.leftOut, imageTasks: taskgraph.imageTasks, isTranslated: isPrinted }
      : {}),
  };
}

/** What is wrong with what was printed as a whole; each task is checked as those of the file are. */
function checkPrinted(printed: YamlSource, written: unknown, further?: string): readonly Finding[] {
  const findings: Finding[] = [];
  if (!printed.usable) return findings;
  const report = (path: YamlPath, message: string, hint?: string): void => {
    const place = printed.position(path, 'key');
    findings.push({ severity: 'error', file: printed.file, ...place, message, ...(hint ? { hint } : {}) });
  };
  const shape =
    'print one JSON map: {"tasks": {"LABEL": {…}}}, the tasks as in slipway.yml, or what `taskgraph target-graph -J` prints';
  if (!isRecord(printed.value)) {
    report([], 'the decision program printed no map', shape);
    return findings;
  }
  for (const field of Object.keys(printed.value)) {
    if (FIELDS.includes(field) || field === further || field.startsWith('x-')) continue;
    report([field], `a decision program prints no "${shorten(field)}"`, ownValue(HINTS, field) ?? shape);
  }
  const { version, tasks } = printed.value;
  if (version !== undefined && version !== 1) report(['version'], 'version must be the number 1');
  if (!isRecord(tasks)) report(['tasks'], 'the decision program printed no map of "tasks"', shape);
  const labels = entriesOf(tasks).map(([label]) => label);
  if (labels.length > MOST_PRINTED_TASKS)
    report(
      ['tasks'],
      `the decision program printed ${labels.length} tasks`,
      `at most ${MOST_PRINTED_TASKS} in one push`,
    );
  for (const label of labels) {
    if (label === DECISION_LABEL)
      report(['tasks', label], `"${label}" is the label of the decision program itself`, 'rename the task');
    else if (has(written, label))
      report(
        ['tasks', label],
        `task "${shorten(label)}" stands in slipway.yml too`,
        'rename one of the two, or take it away',
      );
  }
  return findings;
}

function has(tasks: unknown, label: string | number): boolean {
  return isRecord(tasks) && Object.hasOwn(tasks, label);
}

function asRecord(value: unknown): Record<string, unknown> {
  return isRecord(value) ? value : {};
}

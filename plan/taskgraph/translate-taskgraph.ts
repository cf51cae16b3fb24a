import { isDeclared, otherNameMistake } from '../artifact-names.ts';
import { entriesOf, valueAt } from '../values.ts';
import { artifactsOnTheirOwn } from './artifacts-on-their-own.ts';
import { definitionFields } from './definition.ts';
import type { TaskgraphTask, Written } from './document.ts';
import { readTask } from './document.ts';
import { compareImage, imageDefinition } from './images.ts';
import { Notes } from './notes.ts';
import type { PayloadFields } from './payload.ts';
import { payloadFields } from './payload.ts';
import { sortTasks } from './sort-tasks.ts';

type TranslatedTask = PayloadFields;

export interface TaskgraphContext {
  readonly written: Written;
  /** Tasks whose images cannot be had, with the reason, as far as that is known. */
  readonly unavailable: ReadonlyMap<string, string>;
  /** The id that a task of the push has. */
  readonly taskIdOf: (label: string) => string;
}

/** A graph of taskgraph as Slipway has it. Nothing of it is checked: that is done with the graph as a whole. */
export interface TranslatedGraph {
  readonly images: Readonly<Record<string, unknown>>;
  readonly tasks: Readonly<Record<string, unknown>>;
  /** Tasks by image. */
  readonly imageTasks: ReadonlyMap<string, string>;
  /** Tasks that cannot be any here, with the reason. */
  readonly leftOut: ReadonlyMap<string, string>;
  /** Labels of what is no task of taskgraph. */
  readonly strange: readonly string[];
  readonly notes: Notes;
}

/** Turns tasks of taskgraph into tasks and images of Slipway, with a note of everything that is not carried out as it is written. */
export function translateTaskgraph(
  document: Readonly<Record<string, unknown>>,
  { written, unavailable, taskIdOf }: TaskgraphContext,
): TranslatedGraph {
  const notes = new Notes();
  const all = new Map<string, TaskgraphTask>();
  const strange: string[] = [];
  for (const [label, entry] of entriesOf(document)) {
    const task = readTask(label, entry);
    if (task) all.set(label, task);
    else strange.push(label);
  }
  const declares = (label: string, artifact: string): boolean =>
    otherNameMistake(artifact) === undefined &&
    isDeclared(artifact, declaredArtifacts(all.get(label), written));
  const sorted = sortTasks(all, { written, declares, unavailable });
  const tasks = new Map<string, TranslatedTask>();
  const images: [string, unknown][] = [];
  for (const task of all.values()) {
    const image = sorted.images.get(task.label);
    const dependencies = sorted.tasks.get(task.label);
    const leftOut = sorted.leftOut.get(task.label);
    if (image !== undefined) {
      const words = { images: sorted.images, written: written.images, notes };
      const definition = imageDefinition(task, image, words);
      if (Object.hasOwn(written.images, image)) compareImage(task, image, definition, words);
      else images.push([image, definition]);
    } else if (dependencies) {
      noteImagesWaitedFor(task);
      const words = { images: sorted.images, labels: sorted.tasks, declares, taskIdOf, notes };
      tasks.set(task.label, {
        ...definitionFields(task, notes),
        ...payloadFields(task, words),
        ...(dependencies.length === 0 ? {} : { dependencies }),
        // As docker-worker runs a task: nothing is put anywhere.
        ...(written.defaults['checkout'] === undefined ? { checkout: false } : {}),
      });
    } else if (leftOut) {
      const why = leftOut.follows ? 'it depends on one that is not' : leftOut.why;
      notes.add(task, ['task'], `not carried out, since ${why}`, 'the push goes on without it');
    }
  }
  return {
    images: Object.fromEntries(images),
    tasks: withoutClashes(tasks, all, notes),
    imageTasks: new Map([...sorted.images].map(([label, name]) => [name, label])),
    leftOut: new Map([...sorted.leftOut].map(([label, { why }]) => [label, why])),
    strange,
    notes,
  };

  /** A task waits for the image that it runs in, which is no dependency to be named. */
  function noteImagesWaitedFor(task: TaskgraphTask): void {
    const used = valueAt(task.payload, ['image', 'taskId', 'task-reference']);
    for (const [edge, label] of task.edges) {
      if (!sorted.images.has(label) || used === `<${edge}>`) continue;
      notes.add(
        task,
        ['dependencies', edge],
        'it waits for an image that it does not run in',
        'such a dependency counts for nothing: an image is built when a task runs in it',
      );
    }
  }
}

/** What a task is to leave, by name, with what `defaults` of slipway.yml say of every task. */
function declaredArtifacts(
  task: TaskgraphTask | undefined,
  { defaults }: Written,
): ReadonlyMap<string, { readonly isDirectory: boolean }> {
  const all = [...entriesOf(defaults['artifacts']), ...entriesOf(task?.payload['artifacts'])];
  return new Map(
    all.map(([name, artifact]) => [name, { isDirectory: valueAt(artifact, ['type']) !== 'file' }]),
  );
}

/** What is taken of a task is known when all have been read. */
function withoutClashes(
  tasks: ReadonlyMap<string, TranslatedTask>,
  all: ReadonlyMap<string, TaskgraphTask>,
  notes: Notes,
): Record<string, TranslatedTask> {
  const taken = new Map<string, Set<unknown>>();
  for (const { image, inputs } of tasks.values()) {
    const label = valueAt(image, ['taskId', 'task-reference']);
    const tarball = typeof label === 'string' ? [{ task: label, artifact: valueAt(image, ['path']) }] : [];
    for (const { task, artifact } of [...Object.values(inputs), ...tarball])
      taken.set(task, (taken.get(task) ?? new Set()).add(artifact));
  }
  const entries = [...tasks].map(([label, fields]): [string, TranslatedTask] => {
    const task = all.get(label);
    if (!task || fields['artifacts'] === undefined) return [label, fields];
    const files = { taken: taken.get(label) ?? [], notes };
    return [label, { ...fields, artifacts: artifactsOnTheirOwn(task, fields['artifacts'], files) }];
  });
  return Object.fromEntries(entries);
}

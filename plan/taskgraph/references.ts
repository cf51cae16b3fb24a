import { posix } from 'node:path';
import { DECISION_LABEL } from '../../model/pure/decision.ts';
import type { YamlPath } from '../yaml-positions.ts';
import type { TaskgraphTask } from './document.ts';
import { isTagged } from './document.ts';
import type { Notes } from './notes.ts';

/** Where artifacts are put that a command or variable refers to. */
const INPUTS = '/slipway/inputs';

export interface ReferenceWords {
  readonly images: ReadonlyMap<string, string>;
  /** Labels of tasks that run. */
  readonly labels: { has(label: string): boolean };
  /** Whether a task declares an artifact. */
  readonly declares: (label: string, artifact: string) => boolean;
  readonly taskIdOf: (label: string) => string;
  readonly notes: Notes;
}

export type Input = Readonly<{ task: string; artifact: string; optional?: true }>;

/** The name of the edge where a value refers to the task at its end, and to nothing else. */
export function edgeOf(value: unknown): string | undefined {
  return isTagged(value, 'task-reference')
    ? /^<([^>]+)>$/.exec(String(value['task-reference']))?.[1]
    : undefined;
}

/** Puts ids of tasks, and files that hold their artifacts, in the place of what refers to them. */
export class References {
  readonly #task: TaskgraphTask;
  readonly #words: ReferenceWords;
  /** Artifacts that were referred to, by the file that is to hold them. */
  readonly inputs = new Map<string, Input>();

  constructor(task: TaskgraphTask, words: ReferenceWords) {
    this.#task = task;
    this.#words = words;
  }

  /** A text, or what refers; other values stay, for the checks to find. */
  resolve(value: unknown, path: YamlPath): unknown {
    if (isTagged(value, 'task-reference') && typeof value['task-reference'] === 'string')
      return value['task-reference'].replace(/<([^>]+)>/g, (written, edge: string) =>
        this.#taskId(written, edge, path),
      );
    if (isTagged(value, 'artifact-reference') && typeof value['artifact-reference'] === 'string')
      return value['artifact-reference'].replace(
        /<([^/>]+)\/([^>]+)>/g,
        (written, edge: string, artifact: string) => this.#artifact(written, { edge, artifact, path }),
      );
    return value;
  }

  /** The task at the end of an edge, if it is one that runs here. */
  labelOf(edge: string): string | undefined {
    const label = this.#task.edges.get(edge);
    return label !== undefined && this.#words.labels.has(label) ? label : undefined;
  }

  #taskId(written: string, edge: string, path: YamlPath): string {
    // How a single "<" is written.
    if (edge === '<') return edge;
    if (edge === 'self') return this.#words.taskIdOf(this.#task.label);
    if (edge === 'decision') return this.#words.taskIdOf(DECISION_LABEL);
    const label = this.labelOf(edge);
    return label === undefined ? this.#unknown(written, edge, path) : this.#words.taskIdOf(label);
  }

  #artifact(
    written: string,
    { edge, artifact, path }: { readonly edge: string; readonly artifact: string; readonly path: YamlPath },
  ): string {
    const task = this.labelOf(edge);
    if (task === undefined || !this.#words.declares(task, artifact))
      return this.#unknown(written, edge, path);
    const file = posix.join(INPUTS, task, artifact);
    // An address may lead nowhere, and its task runs all the same.
    this.inputs.set(file, { task, artifact, optional: true });
    this.#note(
      path,
      'an artifact-reference is no address in the network',
      `the artifact is a file below ${INPUTS} before the command starts, and the reference becomes "file://…"`,
    );
    return `file://${encodeURI(file)}`;
  }

  #unknown(written: string, edge: string, path: YamlPath): string {
    const label = this.#task.edges.get(edge);
    const isImage = label !== undefined && this.#words.images.has(label);
    const message = isImage
      ? `"${written}" is the build of an image, whose id nobody knows before it is needed`
      : this.labelOf(edge) === undefined
        ? `"${written}" refers to no task that runs here`
        : `"${written}" refers to nothing that its task declares`;
    this.#note(path, message, 'it stays as it is written');
    return written;
  }

  #note(path: YamlPath, message: string, hint: string): void {
    this.#words.notes.add(this.#task, path, message, hint);
  }
}

import type { Finding } from '../../model/findings.ts';
import type { YamlSource } from '../read-yaml.ts';
import { shorten } from '../../model/shorten.ts';
import type { YamlPath } from '../yaml-positions.ts';

/** Labels that a note spells out. */
const MOST_LABELS = 5;

interface Note {
  readonly hint: string;
  readonly path: YamlPath;
  /** The first ones. */
  readonly labels: string[];
  count: number;
  last: string;
}

/** What of a graph is not carried out as it is written: once for all tasks that have it, since ten thousand may. */
export class Notes {
  readonly #notes = new Map<string, Note>();

  /**
   * `message` says what is not honoured, `hint` what happens instead; `path` is where it stands in the task. Said again of the
   * same task it counts once, as long as nothing was said of another.
   */
  add({ label }: { readonly label: string }, path: YamlPath, message: string, hint: string): void {
    const note = this.#notes.get(message);
    if (!note) {
      this.#notes.set(message, { hint, path: [label, ...path], labels: [label], count: 1, last: label });
    } else if (note.last !== label) {
      if (note.labels.length < MOST_LABELS) note.labels.push(label);
      note.count += 1;
      note.last = label;
    }
  }

  /** Each where it was met first. */
  findings(source: YamlSource): Finding[] {
    return [...this.#notes].map(([message, note]) => ({
      severity: 'warning',
      file: source.file,
      ...source.position(note.path, 'key'),
      message: `${nameTasks(note)}: ${message}`,
      hint: note.hint,
    }));
  }
}

function nameTasks({ labels, count }: Note): string {
  const shown = labels.map((label) => `"${shorten(label)}"`).join(', ');
  const rest = count - labels.length;
  return `${count === 1 ? 'task' : 'tasks'} ${shown}${rest > 0 ? ` and ${rest} more` : ''}`;
}

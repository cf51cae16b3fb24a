import { formatFinding } from '../../../model/findings.ts';
import { printable } from '../../../model/printable.ts';
import { PUSH_REASONS } from '../../../model/pure/states.ts';
import type { PushDocument } from '../../../model/schema/records.ts';
import { waitText } from '../find-waits.ts';
import { firstLine } from '../last-lines.ts';
import type { Terminal } from '../terminal.ts';
import { describeFellBack } from './fell-back-text.ts';
import {
  colourOf,
  describeOutcome,
  describePush,
  describeState,
  describeTimes,
  didNotSucceed,
} from './describe-task.ts';
import { short } from './quantities.ts';
import { renderTable } from './table.ts';

/** The last lines of the log of a task or image that did not succeed. */
export interface Trouble {
  /** The task's label, or `image NAME`. */
  readonly name: string;
  readonly taskId: string;
  readonly what: string;
  readonly lastLines: readonly string[];
  /** How what it has left can be looked into. */
  readonly kept?: string | undefined;
}

export interface PushTextOptions {
  readonly paint: Terminal['paint'];
  readonly nowMs: number;
  /** When this round was asked for, if it is known not to be the first. */
  readonly roundAskedMs?: number | undefined;
  readonly url?: string | undefined;
  readonly trouble: readonly Trouble[];
  /** Queues that it waits in and that no worker polls. */
  readonly waits?: readonly string[];
  /** Why runners do not take tasks of it that are pending, by label. */
  readonly heldUp?: ReadonlyMap<string, string>;
  /** How its planning goes, while it has no plan. */
  readonly planning?: string | undefined;
}

/** A push for people: how it stands, its images, its tasks, and what is known about those that did not succeed. */
export function renderPush(document: PushDocument, options: PushTextOptions): string[] {
  const { id, repository, ref, pushedBy, detail, reason, images, tasks, findings } = document;
  const { paint, nowMs, roundAskedMs, url, trouble, waits = [], heldUp = new Map(), planning } = options;
  const standing = describePush(document, nowMs, roundAskedMs);
  const lines = [`${paint('bold', id)}  ${paint(colourOf(document.state), standing)}`];
  const by = pushedBy === undefined ? '' : `, pushed by ${printable(pushedBy)}`;
  lines.push(`  ${repository} ${ref.replace('refs/heads/', '')}${by}`);
  if (url) lines.push(`  ${url}`);
  // Of a push with mistakes it is the first of them.
  if (detail && !findings.some(({ severity }) => severity === 'error')) lines.push(`  ${detail}`);
  if (reason && reason !== 'completed' && reason !== 'failed')
    lines.push(`  ${PUSH_REASONS[reason].meaning}`);
  if (planning !== undefined) lines.push(`  it is being planned: ${planning}`);
  for (const queue of waits) lines.push(`  ${paint('red', waitText(queue))}: what is sent there waits`);
  for (const [label, lacking] of heldUp) lines.push(`  ${paint('red', `${label} waits`)}: ${lacking}`);
  for (const finding of findings) lines.push(`  ${formatFinding(finding)}`);
  section(
    'Images',
    images.map((image) => [image.name, short(image.imageHash), describeOutcome(image), image.why]),
  );
  section(
    'Tasks',
    tasks.map((task) => [
      task.label,
      paint(colourOf(task.state), describeState(task)) + waitOf(task),
      task.image,
      describeTimes(task),
      firstLine(task.description ?? ''),
    ]),
  );
  const fellBack = describeFellBack(document);
  if (fellBack !== undefined) lines.push('', fellBack);
  for (const each of trouble) lines.push('', ...renderTrouble(each, paint));
  const others =
    images.filter(({ outcome }) => outcome === 'failed').length + tasks.filter(didNotSucceed).length;
  if (trouble.length > 0 && others > trouble.length)
    lines.push('', `${others - trouble.length} more did not succeed: slipway logs LABEL says why`);
  return lines;

  function waitOf({ queue }: PushDocument['tasks'][number]): string {
    return queue !== undefined && waits.includes(queue) ? `: ${waitText(queue)}` : '';
  }

  function section(title: string, rows: string[][]): void {
    if (rows.length === 0) return;
    lines.push('', paint('bold', title), ...renderTable(rows).map((row) => `  ${row}`));
  }
}

function renderTrouble({ name, taskId, what, lastLines, kept }: Trouble, paint: Terminal['paint']): string[] {
  return [
    `${paint('red', name)}: ${what}`,
    ...lastLines.map((line) => `  | ${line}`),
    ...(lastLines.length > 0 ? [`  the whole log: slipway logs ${taskId}`] : []),
    ...(kept === undefined ? [] : [`  ${kept}`]),
  ];
}

/**
 * What Temporal's page of a workflow says while that runs, in Markdown. Replay: to say it makes no command, so that words and moments
 * may change.
 */

import { setCurrentDetails } from '@temporalio/workflow';
import { cutAsJson } from '../model/pure/cut-text.ts';
import type { RunInput } from '../model/pure/payloads.ts';
import type { RunPhase } from '../model/pure/run-ends.ts';
import type { EndedTasks } from './ended-tasks.ts';

/** Names in a list of which there may be thousands. */
const NAMED = 5;

/** Of a text that others chose. */
const QUOTED_BYTES = 200;

/** Of all that is said of a push: only very long names come to more. */
const DETAILS_BYTES = 4_000;

export interface TasksStanding {
  readonly count: number;
  /** Labels of those that have begun and not ended. */
  readonly open: ReadonlySet<string>;
  readonly ended: EndedTasks;
}

export interface ImagesStanding {
  /** Names of those that were asked for and are not there. */
  readonly toCome: readonly string[];
  readonly failed: readonly { readonly name: string; readonly reason: string; readonly detail?: string }[];
}

/** What there is to say of a push. */
export interface ShownPush {
  /** What it does, in Markdown. */
  doing: string;
  readonly graph?: { readonly standing: TasksStanding };
  readonly images?: { readonly standing: ImagesStanding };
}

export function show(...paragraphs: readonly (string | undefined)[]): void {
  setCurrentDetails(paragraphs.filter((text) => text !== undefined).join('\n\n'));
}

/** Says how a push stands, at whatever moment: that takes no longer where it has many tasks. */
export function showPush(push: ShownPush, doing = push.doing): void {
  push.doing = doing;
  show(pushDetails(push));
}

export function pushDetails({ doing, graph, images }: ShownPush): string {
  const tasks = graph?.standing;
  const { toCome, failed } = images?.standing ?? { toCome: [], failed: [] };
  const paragraphs = [
    tasks ? `**${doing}**: ${tasks.ended.size} of ${tasks.count} tasks have ended` : `**${doing}**`,
    ...(tasks ? [countsOf(tasks)] : []),
    ...(toCome.length > 0 ? [`Images to come: ${inShort(toCome)}`] : []),
    ...(tasks && tasks.open.size > 0 ? [`Begun: ${inShort([...first(tasks.open)], tasks.open.size)}`] : []),
    ...troubleOf(failed, tasks?.ended),
  ];
  return cutAsJson(paragraphs.join('\n\n'), DETAILS_BYTES);
}

function countsOf({ count, open, ended }: TasksStanding): string {
  const counts = [
    [count - open.size - ended.size, 'waiting'],
    [open.size, 'begun'],
    ...(['completed', 'failed', 'exception'] as const).map((state) => [ended.labelsOf(state).size, state]),
  ];
  return counts
    .filter(([number]) => number !== 0)
    .map(([number, what]) => `${number} ${what}`)
    .join(', ');
}

/** What did not succeed, images first: tasks fall because of them. */
function troubleOf(images: ImagesStanding['failed'], ended: EndedTasks | undefined): string[] {
  const [failed, exceptions] = [ended?.labelsOf('failed'), ended?.labelsOf('exception')];
  const lines = [
    ...images.slice(0, NAMED).map(({ name, reason, detail }) => {
      return `image \`${name}\`: ${reason}${detail === undefined ? '' : `: ${quoted(detail)}`}`;
    }),
    ...[...first(failed), ...first(exceptions)].map((label) => {
      const { state, reason = state, culprit } = ended?.get(label) ?? {};
      return `\`${label}\`: ${reason}${culprit === undefined ? '' : `, because of \`${culprit}\``}`;
    }),
  ];
  const more = images.length + (failed?.size ?? 0) + (exceptions?.size ?? 0) - lines.length;
  if (lines.length === 0) return [];
  return [
    'Did not succeed:',
    [...lines, ...(more > 0 ? [`${more} more`] : [])].map((line) => `- ${line}`).join('\n'),
  ];
}

const STEPS: Readonly<Record<RunPhase, string>> = {
  claim: 'waits for a runner',
  load: 'its image is being loaded',
  run: 'its command is being carried out',
  save: 'its log and artifacts are being saved',
};

/** What a run of a task does, by which worker, and how the one before it ended. */
export function showRun(
  input: RunInput,
  phase: RunPhase,
  { worker, before }: { readonly worker: string | undefined; readonly before: string | undefined },
): void {
  show(`${runName(input)}: ${STEPS[phase]}${worker === undefined ? '' : `, by ${quoted(worker)}`}`, before);
}

/** `**Run 1** (2 of at most 3)`. */
export function runName({ task: { firstRun, retries }, run }: RunInput): string {
  return `**Run ${run}** (${run - firstRun + 1} of at most ${retries + 1})`;
}

/** The first of the names, each as code, and how many more there are. */
export function inShort(names: readonly string[], count = names.length): string {
  const named = names.slice(0, NAMED).map((name) => `\`${name}\``);
  return `${named.join(', ')}${count > NAMED ? ` and ${count - NAMED} more` : ''}`;
}

/** A text that others chose, on one line, of which nothing counts as Markdown. */
export function quoted(text: string): string {
  return `\`${cutAsJson(text.replaceAll('`', "'").replaceAll(/\s+/g, ' '), QUOTED_BYTES)}\``;
}

function* first(names: Iterable<string> = []): Generator<string> {
  let left = NAMED;
  for (const name of names) {
    if (left-- === 0) return;
    yield name;
  }
}

import type { PushDocument, PushImage, PushTask } from '../../../model/schema/records.ts';
import { clockTime, formatBytes, formatDuration, formatMemory } from './quantities.ts';

export function didNotSucceed({ state }: Pick<PushTask, 'state'>): boolean {
  return state === 'failed' || state === 'exception';
}

/** How a task stands, in a few words: `completed`, `failed with exit code 3`, `exception: dependency-failed (compile)`. */
export function describeState({ state, reason, culprit, runs }: PushTask): string {
  const exitCode = runs.at(-1)?.exitCode;
  if (state === 'failed' && reason === 'failed' && exitCode !== undefined)
    return `failed with exit code ${exitCode}`;
  const why = reason === undefined || reason === state ? '' : `: ${reason}`;
  return `${state}${why}${culprit ? ` (${culpritName(culprit)})` : ''}`;
}

/** How a failed task that is kept can be looked into: `kept until 14:05 UTC+1: slipway shell TASK`; undefined when it is not. */
export function describeKept({ taskId, runs }: PushTask, nowMs: number): string | undefined {
  const until = runs.at(-1)?.keptUntil;
  if (until === undefined || Date.parse(until) <= nowMs) return undefined;
  return `kept until ${clockTime(until)}: slipway shell ${taskId}`;
}

/** What an image's outcome cost. */
export function describeOutcome({ outcome, bytesUploaded }: PushImage): string {
  return outcome === 'built' ? `built, ${formatBytes(bytesUploaded)} stored` : outcome.replace('-', ' ');
}

/** Where the time of the newest run went and how much memory it took, for a task that ran. */
export function describeTimes(task: PushTask): string {
  const last = task.runs.at(-1);
  if (last?.phases.runMs === undefined) return describeRuns(task);
  const { imageMs, runMs } = last.phases;
  const image = imageMs === undefined ? '' : `, image ${formatDuration(imageMs)}`;
  const memory = last.peakMemoryBytes === undefined ? '' : `, peak ${formatMemory(last.peakMemoryBytes)}`;
  const which = describeRuns(task);
  const again = which === '' ? '' : `, ${which}`;
  return `ran ${formatDuration(runMs)}${image}${memory}${again}`;
}

/** Which run is its newest, of a task that had several or is to have another one: `run 1, 2 of at most 6`. */
export function describeRuns({ state, runs, budget }: PushTask): string {
  const last = runs.at(-1);
  if (!last || (runs.length === 1 && state !== 'pending')) return '';
  const ended = state === 'pending' ? ` ended ${last.reason ?? last.state}` : '';
  const count = budget && budget.runs > 0 ? `, ${budget.runs} of at most ${budget.atMost}` : '';
  return `run ${last.run}${ended}${count}`;
}

/** `completed in 12.3 s`, `exception: malformed-plan`, `running for 4.0 s`; counted from when it was received, or when a later round of it was asked for. */
export function describePush(
  { state, reason, received, resolved }: Pick<PushDocument, 'state' | 'reason' | 'received' | 'resolved'>,
  nowMs: number,
  roundAskedMs = 0,
): string {
  const why = reason === undefined || reason === state ? '' : `: ${reason}`;
  const end = resolved === undefined ? nowMs : Date.parse(resolved);
  const elapsed = formatDuration(Math.max(0, end - Math.max(Date.parse(received), roundAskedMs)));
  return `${state}${why} ${state === 'running' ? 'for' : 'in'} ${elapsed}`;
}

/** The colour that a state is shown in. */
export function colourOf(
  state: PushDocument['state'] | PushTask['state'],
): 'green' | 'red' | 'cyan' | 'gray' {
  switch (state) {
    case 'completed':
      return 'green';
    case 'failed':
    case 'exception':
      return 'red';
    case 'running':
      return 'cyan';
    case 'pending':
    case 'unscheduled':
      return 'gray';
  }
}

/** The label of a task, or `image NAME`, from the id of the culprit. */
function culpritName(id: string): string {
  const [kind, , , third, ...rest] = id.split('/');
  if (kind === 'image') return `image ${third}`;
  return kind === 'task' ? rest.join('/') : id;
}

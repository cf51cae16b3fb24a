import type { PushDocument, PushImage, PushTask } from '../../../model/schema/records.ts';
import { describeKept, describeOutcome, describeState, describeTimes } from './describe-task.ts';
import { count, formatDuration } from './quantities.ts';

/** One line for each thing that happened between two looks at a push, in the order in which it can have happened. */
export function pushChanges(before: PushDocument | undefined, after: PushDocument): string[] {
  return [...planned(before, after), ...imageChanges(before, after), ...taskChanges(before, after)];
}

/** How far a push is: `2 of 4 tasks resolved; building lint; running unit, docs`. */
export function pushStanding({ images, tasks, decisionMs }: PushDocument): string {
  const resolved = tasks.filter(({ state }) => isEnd(state)).length;
  const building = images.filter(({ outcome }) => outcome === 'pending').map(({ name }) => name);
  const running = tasks.filter(({ state }) => state === 'running').map(({ label }) => label);
  return [
    ...(tasks.length > 0 ? [`${resolved} of ${count(tasks.length, 'task')} resolved`] : []),
    ...(tasks.length === 0 && decisionMs === undefined ? ['not planned yet'] : []),
    ...(building.length > 0 ? [`building ${building.join(', ')}`] : []),
    ...(running.length > 0 ? [`running ${running.join(', ')}`] : []),
  ].join('; ');
}

function planned(before: PushDocument | undefined, after: PushDocument): string[] {
  if (after.decisionMs === undefined || before?.decisionMs !== undefined) return [];
  const { tasks, images } = after;
  const toBuild = images.filter(({ outcome }) => outcome !== 'reused' && outcome !== 'not-needed').length;
  const built = images.length === 0 ? '' : `, ${toBuild} to build`;
  return [
    `planned in ${formatDuration(after.decisionMs)}: ${count(tasks.length, 'task')}, ${count(images.length, 'image')}${built}`,
  ];
}

function imageChanges(before: PushDocument | undefined, { images }: PushDocument): string[] {
  const known = new Map(before?.images.map((image) => [image.name, image]));
  return images.flatMap((image) => {
    const old = known.get(image.name);
    return old?.outcome === image.outcome ? [] : [imageLine(image)];
  });
}

function imageLine(image: PushImage): string {
  if (image.outcome === 'pending') return `image ${image.name}: to build, ${image.why}`;
  if (image.outcome === 'failed')
    return `image ${image.name}: failed${image.detail ? `: ${image.detail}` : ''}`;
  return `image ${image.name}: ${describeOutcome(image)}`;
}

function taskChanges(before: PushDocument | undefined, { tasks }: PushDocument): string[] {
  const known = new Map(before?.tasks.map((task) => [task.label, task]));
  return tasks.flatMap((task) => {
    const old = known.get(task.label);
    // Waiting is no news, and the plan's line has said how many there are.
    if (task.state === 'unscheduled' || task.state === 'pending') return retryLine(old, task);
    if (old?.state === task.state && old.runs.length === task.runs.length) return [];
    const times = describeTimes(task);
    const kept = describeKept(task, 0);
    return [
      `${task.label}: ${describeState(task)}${times && isEnd(task.state) ? `, ${times}` : ''}${kept ? `, ${kept}` : ''}`,
    ];
  });
}

/** A task that ran and waits again: its run ended by trouble that may pass. */
function retryLine(old: PushTask | undefined, { label, runs, budget }: PushTask): string[] {
  const last = runs.at(-1);
  if (last?.reason === undefined || old === undefined || old.state !== 'running') return [];
  const next = budget ? `, ${budget.runs + 1} of at most ${budget.atMost}` : '';
  return [`${label}: run ${last.run} ended ${last.reason}, a new one follows${next}`];
}

function isEnd(state: PushTask['state']): boolean {
  return state === 'completed' || state === 'failed' || state === 'exception';
}

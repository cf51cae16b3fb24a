import type { Finding } from '../model/findings.ts';
import { levelOf, queueName, taskIdIn } from '../model/pure/ids.ts';
import type { ImageOutcome } from '../model/pure/payloads.ts';
import type { PushVerdict } from '../model/pure/push-verdict.ts';
import type { TaskState } from '../model/pure/states.ts';
import { PUSH_REASONS } from '../model/pure/states.ts';
import { shorten } from '../model/shorten.ts';
import type { Plan, PlannedImage, PlannedTask } from '../model/schema/plan.ts';
import type {
  PushDocument,
  PushImage,
  PushRecord,
  PushTask,
  RunRecord,
  TaskRecord,
} from '../model/schema/records.ts';

/** The record and the log have it whole. */
const FELL_BACK_SHOWN = 200;

/** A task's record without the lists of what its runs have left, which may be long. */
export type TaskStanding = Omit<TaskRecord, 'runs'> & {
  readonly runs: readonly Omit<RunRecord, 'artifacts'>[];
};

export interface DocumentParts {
  readonly record: PushRecord;
  readonly plan?: Plan | undefined;
  readonly findings: readonly Finding[];
  /** How the images stand, as the push's workflow knows; those not named are pending. */
  readonly outcomes: readonly ImageOutcome[];
  /** Records of tasks by label; a task without one has not begun. */
  readonly taskRecords: ReadonlyMap<string, TaskStanding>;
  readonly verdict?: PushVerdict | undefined;
}

/** The one document about a push: what `status --json` prints and the store keeps. */
export function composeDocument(parts: DocumentParts): PushDocument {
  const { record, plan, verdict, taskRecords } = parts;
  const outcomes = new Map(parts.outcomes.map((outcome) => [outcome.name, outcome]));
  const images = (plan?.images ?? []).map((image) => imageOf(image, outcomes.get(image.name)));
  const round = record.rounds?.at(-1)?.round;
  const ready = new Set(
    images.filter(({ outcome }) => outcome === 'built' || outcome === 'reused').map(({ name }) => name),
  );
  return {
    id: record.pushId,
    project: record.project,
    repository: record.repository,
    ref: record.refs.at(-1) ?? '',
    revision: record.revision,
    level: record.level,
    pushedBy: record.pushedBy,
    state: verdict ? PUSH_REASONS[verdict.reason].state : 'running',
    ...(verdict ? { reason: verdict.reason, resolved: new Date().toISOString() } : {}),
    ...(verdict?.detail ? { detail: verdict.detail } : {}),
    ...(verdict?.supersededBy ? { supersededBy: verdict.supersededBy } : {}),
    findings: [...parts.findings],
    received: record.received,
    ...(round === undefined ? {} : { round }),
    ...(plan?.decisionMs === undefined ? {} : { decisionMs: plan.decisionMs }),
    images,
    tasks: (plan?.tasks ?? []).map((task) => taskOf(record.pushId, task, taskRecords, ready)),
  };
}

/** The document of a push that has its verdict, with the ends of tasks that had none then: by their records, where these have one. */
export function composeLateEnds(
  document: PushDocument,
  { tasks }: Pick<Plan, 'tasks'>,
  records: ReadonlyMap<string, TaskStanding>,
): PushDocument {
  const planned = new Map(tasks.map((task) => [task.label, task]));
  const late = (task: PushTask): PushTask => {
    const { resolved } = records.get(task.label) ?? {};
    const plannedTask = planned.get(task.label);
    if (plannedTask === undefined || resolved === undefined) return task;
    return taskOf(document.id, plannedTask, records, new Set());
  };
  return { ...document, tasks: document.tasks.map(late) };
}

function imageOf(image: PlannedImage, outcome: ImageOutcome | undefined): PushImage {
  const { name, contextHash, imageHash, taskId: id, why } = image;
  return {
    name,
    contextHash,
    imageHash,
    taskId: id,
    outcome: outcome?.outcome ?? plannedOutcome(image),
    bytesUploaded: outcome?.bytesUploaded ?? 0,
    why,
    ...(outcome?.manifestDigest ? { manifestDigest: outcome.manifestDigest } : {}),
    ...(outcome?.detail ? { detail: outcome.detail } : {}),
    ...(outcome?.fellBack ? { fellBack: shorten(outcome.fellBack, FELL_BACK_SHOWN) } : {}),
  };
}

function plannedOutcome({ action, stored }: PlannedImage): PushImage['outcome'] {
  if (action === 'not-needed') return action;
  return action === 'reuse' && stored ? 'reused' : 'pending';
}

function taskOf(
  pushId: string,
  task: PlannedTask,
  records: ReadonlyMap<string, TaskStanding>,
  readyImages: ReadonlySet<string>,
): PushTask {
  const record = records.get(task.label);
  const { label, description } = task;
  const known = {
    label,
    taskId: taskIdIn(pushId, label),
    ...(description === '' ? {} : { description }),
    image: imageText(task),
  };
  if (!record || record.state === 'unscheduled') {
    const state = isPending(task, records, readyImages) ? 'pending' : 'unscheduled';
    return { ...known, state, ...queueOf(pushId, task, state), runs: (record?.runs ?? []).map(runOf) };
  }
  const { state, reason, detail, culprit } = record;
  return {
    ...known,
    state,
    ...queueOf(pushId, task, state),
    ...budgetOf(task, record),
    ...(reason ? { reason } : {}),
    ...(detail ? { detail } : {}),
    ...(culprit ? { culprit } : {}),
    runs: record.runs.map(runOf),
  };
}

/** Of a record from before its first run was written down nothing is known. */
function budgetOf({ retries }: PlannedTask, { firstRun, runs }: TaskStanding): Pick<PushTask, 'budget'> {
  if (firstRun === undefined) return {};
  const begun = runs.filter(({ run }) => run >= firstRun).length;
  return { budget: { runs: begun, atMost: retries + 1 } };
}

function queueOf(pushId: string, { dind }: PlannedTask, state: TaskState): Pick<PushTask, 'queue'> {
  return state === 'pending' ? { queue: queueName(dind ? 'runner-dind' : 'runner', levelOf(pushId)) } : {};
}

/** Everything that it needs is there: it waits for a runner only. */
function isPending(
  task: PlannedTask,
  records: ReadonlyMap<string, TaskStanding>,
  readyImages: ReadonlySet<string>,
): boolean {
  const imageReady = task.image.type !== 'in-tree' || readyImages.has(task.image.name);
  return imageReady && task.dependencies.every((label) => records.get(label)?.resolved !== undefined);
}

function runOf(run: Omit<RunRecord, 'artifacts'>): PushTask['runs'][number] {
  const {
    state,
    reason,
    detail,
    exitCode,
    peakMemoryBytes,
    phases,
    bytesLoaded = 0,
    keptUntil,
    fellBack,
  } = run;
  return {
    run: run.run,
    state,
    ...(reason ? { reason } : {}),
    ...(detail ? { detail } : {}),
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(peakMemoryBytes === undefined ? {} : { peakMemoryBytes }),
    phases,
    bytesLoaded,
    ...(fellBack === undefined ? {} : { fellBack: shorten(fellBack, FELL_BACK_SHOWN) }),
    ...(keptUntil === undefined ? {} : { keptUntil }),
  };
}

/** Of a record that was read: many are held at once. */
export function standingOf(record: TaskRecord): TaskStanding {
  return { ...record, runs: record.runs.map(({ artifacts: _artifacts, ...run }) => run) };
}

/** What a task runs in, for people. */
export function imageText(task: PlannedTask): string {
  const { image } = task;
  switch (image.type) {
    case 'in-tree':
    case 'docker-image':
      return image.name;
    case 'task-image':
      return `${image.taskId ?? image.label ?? ''}/${image.path}`;
    case 'indexed-image':
      return `${image.namespace}/${image.path}`;
  }
}

import type { SlipwayError } from '../../model/errors.ts';
import { isSlipwayError, NotFound } from '../../model/errors.ts';
import type { ParsedId } from '../../model/pure/ids.ts';
import { parseId, pushId as idOf } from '../../model/pure/ids.ts';
import type { TaskState } from '../../model/pure/states.ts';
import { isResolved } from '../../model/pure/states.ts';
import { AmbiguousName } from '../ambiguous-name.ts';
import type { SlipwayApi } from '../api.ts';
import { awaitsDecision } from '../describe-decision.ts';
import { NotPlanned } from '../not-planned.ts';
import { UsageError } from './usage-error.ts';

type Api = Pick<
  SlipwayApi,
  'resolvePush' | 'resolveTask' | 'cancel' | 'cancelInPush' | 'isRunning' | 'read' | 'task'
>;
type TaskCoordinates = Extract<ParsedId, { kind: 'task' }>;

const WAITING: readonly TaskState[] = ['unscheduled', 'pending'];

/**
 * Asks what a person names to cancel, and says what came of that. Temporal knows what runs: a record may tell of a run or round before.
 * A task that has not begun is ended by its push.
 *
 * @throws {NotFound} when it never was. @throws {UsageError} for a task of a push that is not planned: it may have no such task.
 */
export async function cancelNamed(api: Api, name: string, push?: string): Promise<string> {
  const id = await resolveName(api, name, push);
  // Its push first, which else would run it again where a rerun waits for its end.
  const isTold = parseId(id)?.kind === 'task' && (await api.isRunning(id)) && (await api.cancelInPush(id));
  if ((await api.cancel(id)) || isTold) return `${id} is asked to cancel`;
  const standing = await standingOf(api, id);
  if (standing === 'waits' && (await api.cancelInPush(id)))
    return `${id} has not begun, and its push is asked to end it as canceled`;
  if (standing === 'resolved') return `${id} is resolved already`;
  return `${id} does not run any more; its end is not recorded yet`;
}

/**
 * A whole id of a task or image as it is, since what has only just begun has no record; else a task of that label, else a push. A label
 * is whole, and what names a push is mostly a beginning, which some other push may have by chance. @throws {NotFound} @throws {UsageError}
 */
async function resolveName(api: Api, name: string, push: string | undefined): Promise<string> {
  if (name === '') throw new UsageError('Name a push, a task or an image');
  const kind = parseId(name)?.kind;
  if (kind === 'task' || kind === 'image') return name;
  if (kind === 'push') return api.resolvePush(name);
  if (push !== undefined) return api.resolveTask(name, push).catch(rethrow);
  const [task, named] = await Promise.allSettled([api.resolveTask(name), api.resolvePush(name)]);
  if (task.status === 'fulfilled') return task.value;
  // Whatever is wrong with the push that is meant without a name: this one is named.
  if (named.status === 'fulfilled') return named.value;
  const [inTasks, inPushes]: unknown[] = [task.reason, named.reason];
  if (!isNotFound(inPushes)) throw inPushes;
  if (!isNotFound(inTasks)) throw inTasks;
  // As status says it: with more of the name it would be found.
  if (inPushes instanceof AmbiguousName) throw inPushes;
  if (inTasks instanceof NotPlanned) rethrow(inTasks);
  throw new NotFound(`No push and no task of the newest push is named "${name}". ${inTasks.message}`, {
    cause: inPushes,
  });
}

function rethrow(error: unknown): never {
  throw error instanceof NotPlanned ? notPlanned(error.pushId) : error;
}

function notPlanned(pushId: string): UsageError {
  return new UsageError(`${pushId} is not planned yet; it can be cancelled: slipway cancel ${pushId}`);
}

function isNotFound(error: unknown): error is SlipwayError {
  return isSlipwayError(error) && error.type === 'NotFound';
}

type Standing = 'waits' | 'resolved' | 'unknown';

/** Of what does not run now. */
async function standingOf(api: Api, id: string): Promise<Standing> {
  const parsed = parseId(id);
  if (parsed?.kind === 'task') return standingOfTask(api, id, parsed);
  const { state } = parsed?.kind === 'push' ? await api.read(id, []) : await api.task(id);
  return isResolved(state) ? 'resolved' : 'unknown';
}

/** By its push: a task that waits for the first time has no record, and one that is to run again has that of before. */
async function standingOfTask(api: Api, id: string, { label, ...push }: TaskCoordinates): Promise<Standing> {
  const pushId = idOf(push);
  const document = await api.read(pushId, [label]);
  const { state, decisionMs, tasks } = document;
  const task = tasks.find(({ taskId }) => taskId === id);
  if (!task && decisionMs !== undefined && !awaitsDecision(document))
    throw new NotFound(`Push ${pushId} has no task "${label}"`);
  // A push that has its verdict and goes on begins a new round.
  const mayBegin = isResolved(state) || !task || WAITING.includes(task.state);
  const waits = mayBegin && (await api.isRunning(pushId));
  if (waits && !task) throw notPlanned(pushId);
  if (!task) throw new NotFound(`Push ${pushId} has no task "${label}"`);
  if (waits) return 'waits';
  return isResolved(task.state) ? 'resolved' : 'unknown';
}

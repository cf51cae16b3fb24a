import { isSlipwayError, NotFound } from '../../model/errors.ts';
import type { ParsedId } from '../../model/pure/ids.ts';
import { parseId, pushId as idOf } from '../../model/pure/ids.ts';
import type { TaskState } from '../../model/pure/states.ts';
import { isResolved } from '../../model/pure/states.ts';
import { AmbiguousName } from '../ambiguous-name.ts';
import type { SlipwayApi } from '../api.ts';
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
  if (await api.cancel(id)) return `${id} is asked to cancel`;
  const standing = await standingOf(api, id);
  if (standing === 'waits' && (await api.cancelInPush(id)))
    return `${id} has not begun, and its push is asked to end it as canceled`;
  if (standing === 'resolved') return `${id} is resolved already`;
  return `${id} does not run any more; its end is not recorded yet`;
}

/** A whole id of a task or image as it is, since what has only just begun has no record; else a push of that name, else a task. @throws {NotFound} */
async function resolveName(api: Api, name: string, push: string | undefined): Promise<string> {
  const kind = parseId(name)?.kind;
  if (kind === 'task' || kind === 'image') return name;
  if (kind === 'push') return api.resolvePush(name);
  if (push !== undefined) return api.resolveTask(name, push);
  try {
    return await api.resolvePush(name);
  } catch (error) {
    if (!isNotFound(error)) throw error;
    return api.resolveTask(name).catch((inTasks: unknown) => {
      if (!isNotFound(inTasks)) throw inTasks;
      // As status says it: with more of the name it would be found.
      if (error instanceof AmbiguousName) throw error;
      throw new NotFound(`No push and no task of the newest push is named "${name}"`, { cause: error });
    });
  }
}

function isNotFound(error: unknown): boolean {
  return isSlipwayError(error) && error.type === 'NotFound';
}

type Standing = 'waits' | 'resolved' | 'unknown';

/** Of what does not run now. */
async function standingOf(api: Api, id: string): Promise<Standing> {
  const parsed = parseId(id);
  if (parsed?.kind === 'task') return standingOfTask(api, id, parsed);
  const { state } = parsed?.kind === 'push' ? await api.read(id) : await api.task(id);
  return isResolved(state) ? 'resolved' : 'unknown';
}

/** By its push: a task that waits for the first time has no record, and one that is to run again has that of before. */
async function standingOfTask(api: Api, id: string, { label, ...push }: TaskCoordinates): Promise<Standing> {
  const pushId = idOf(push);
  const { state, decisionMs, tasks } = await api.read(pushId);
  const task = tasks.find(({ taskId }) => taskId === id);
  if (!task && decisionMs !== undefined) throw new NotFound(`Push ${pushId} has no task "${label}"`);
  // A push that has its verdict and goes on begins a new round.
  const mayBegin = isResolved(state) || !task || WAITING.includes(task.state);
  const waits = mayBegin && (await api.isRunning(pushId));
  if (waits && !task)
    throw new UsageError(`${pushId} is not planned yet; it can be cancelled: slipway cancel ${pushId}`);
  if (!task) throw new NotFound(`Push ${pushId} has no task "${label}"`);
  if (waits) return 'waits';
  return isResolved(task.state) ? 'resolved' : 'unknown';
}

import { setTimeout as delay } from 'node:timers/promises';
import type { WorkflowStartOptions } from '@temporalio/client';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import { pushId as idOf, queueName } from '../model/pure/ids.ts';
import { pushMemo } from '../model/pure/memos.ts';
import type { PushInput } from '../model/pure/payloads.ts';
import { isResolved } from '../model/pure/states.ts';
import type { PushDocument } from '../model/schema/records.ts';
import type { ServerConfig } from '../model/schema/config.ts';
import { normalizeRequest, variantOf } from '../model/variant.ts';
import { asConfigured, resolveProject } from '../steps/resolve-project.ts';
import { DamagedRecord, unlessDamaged } from '../store/json-object.ts';
import type { Store } from '../store/store.ts';
import {
  SLIPWAY_LEVEL,
  SLIPWAY_PROJECT,
  SLIPWAY_PUSHED_BY,
  SLIPWAY_REVISION,
  SLIPWAY_STATE,
} from '../model/pure/search-attributes.ts';
import type { EndingWait, StartPush, StartedPush } from './api.ts';
import { findEnding, pastItsEnd, untilEnded } from './ending-push.ts';
import type { FindPushDeps } from './find-push.ts';
import { findStartedPush, hasComeToItsEnd } from './find-push.ts';
import type { AskTemporal } from './reach-temporal.ts';

/** A new round is planned within this time, or its worker is away: then the reader sees the old verdict for a while. */
const REPLACE_PATIENCE_MS = 30_000;
const REPLACE_POLL_MS = 100;

export interface StartPushDeps {
  readonly askTemporal: AskTemporal;
  readonly store: Store;
  readonly config: ServerConfig;
}

/**
 * Starts the workflow of a push, or joins the one that runs; a push that is resolved is answered from its record, unless
 * a new round is asked for, or a newer push has taken its place: then it is its turn again. One whose record has gone is carried out
 * anew. The level in the id is the configuration's, and the control worker checks it again.
 *
 * @throws {PushEnding} when a new round is to begin, and the push does not come to its end.
 */
export async function startPush(
  { askTemporal, store, config }: StartPushDeps,
  push: StartPush,
  wait?: EndingWait,
): Promise<StartedPush> {
  const repository = asConfigured(config, push.repository);
  const { project, level } = resolveProject(config, repository, { ref: push.ref, wanted: push.project });
  const request = normalizeRequest(push.request);
  const variant = variantOf(request);
  const pushId = idOf({ project, level, revision: push.revision, ...(variant ? { variant } : {}) });
  const mayGiveWay = Boolean(config.projects[project]?.supersede);
  // Temporal alone forgets after its retention, so the store is asked first.
  let { status, isDamaged } = await findStanding(store, pushId, push.again);
  let isForgotten = false;
  const wantsRound = (): boolean => push.again === true || status?.supersededBy !== undefined;
  if (status && isResolved(status.state) && !wantsRound()) {
    return { pushId, outcome: 'resolved', ...(await addRef({ askTemporal, store }, pushId, push)) };
  }
  const begin = async (): Promise<number | undefined> => {
    const isRound = wantsRound();
    const input: PushInput = {
      project,
      level,
      repository,
      ref: push.ref,
      revision: push.revision,
      request,
      pushedBy: push.pushedBy,
      received: new Date().toISOString(),
      ...(push.before ? { before: push.before } : {}),
      ...(push.upstream ? { upstream: push.upstream } : {}),
      // A push that began before and has no verdict was ended from outside: its runs are counted on, too.
      ...(isRound || status || isForgotten ? { again: true } : {}),
      // Who asks for a new round of an old push does not say that it is the newest of its ref.
      ...(isRound && !push.again ? { arrivedAgain: true } : {}),
      ...(push.hold ? { hold: true } : {}),
      ...(isRound && (status || isDamaged)
        ? { round: (status ? (status.round ?? 1) : await lastRound(store, pushId)) + 1 }
        : {}),
    };
    const options = {
      ...workflowOf(pushId, input),
      // A running push is joined below. One that completed has a verdict by now, though it had none when it was looked at, or had one.
      workflowIdReusePolicy: isRound || isForgotten ? 'ALLOW_DUPLICATE' : 'ALLOW_DUPLICATE_FAILED_ONLY',
    } as const;
    await askTemporal(level, (client) => client.workflow.start('push', options));
    if (status?.resolved) await untilReplaced(store, pushId, status.resolved);
    if (isDamaged) await untilWritten(store, pushId);
    return input.round;
  };
  /** Whether it can begin now or soon, though a workflow of its id runs, or has completed. */
  const mayBeginYet = async (): Promise<boolean> => {
    ({ status, isDamaged } = await findStanding(store, pushId, push.again));
    isForgotten = false;
    if (status && isResolved(status.state)) return wantsRound();
    const ending = push.again || mayGiveWay ? await findEnding({ askTemporal }, pushId) : undefined;
    if (ending && (push.again || ending.supersededBy !== undefined)) {
      await untilEnded({ askTemporal }, ending, wait);
      ({ status, isDamaged } = await findStanding(store, pushId, push.again));
      return true;
    }
    if (push.again) return false;
    isForgotten = status === undefined && (await isWithoutRecord({ askTemporal, store }, pushId));
    return isForgotten;
  };
  try {
    const round = await pastItsEnd(begin, mayBeginYet);
    return { pushId, outcome: 'started', ...(round === undefined ? {} : { round }) };
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    const outcome = status && isResolved(status.state) && !wantsRound() ? 'resolved' : 'joined';
    // One that is pushed while it runs is newer than what was pushed meanwhile.
    const isNewer = outcome === 'joined' && mayGiveWay && !push.again;
    const arrival = { ref: push.ref, ...(isNewer ? { arrived: new Date().toISOString() } : {}) };
    return { pushId, outcome, ...(await addRef({ askTemporal, store }, pushId, arrival)) };
  }
}

/** Whether a push has come to its end and the store does not know it any more: it was collected, or the bucket is another one. */
async function isWithoutRecord(known: FindPushDeps, pushId: string): Promise<boolean> {
  // In this order: what comes to its end has its record before.
  if (!(await hasComeToItsEnd(known, pushId))) return false;
  return (await known.store.pushes.findStatus(pushId)) === undefined;
}

interface Standing {
  readonly status: PushDocument | undefined;
  /** It is there, and a new round that was asked for writes it anew. */
  readonly isDamaged: boolean;
}

/** @throws {InternalError} for a damaged one where no new round was asked for: whether there is a verdict cannot be known. */
async function findStanding(store: Store, pushId: string, again: boolean | undefined): Promise<Standing> {
  try {
    return { status: await store.pushes.findStatus(pushId), isDamaged: false };
  } catch (error) {
    if (again !== true || !(error instanceof DamagedRecord)) throw error;
    return { status: undefined, isDamaged: true };
  }
}

/** As the push's own record has it, if that can be read. */
async function lastRound(store: Store, pushId: string): Promise<number> {
  const record = await unlessDamaged(store.pushes.find(pushId));
  return record?.rounds?.at(-1)?.round ?? 1;
}

/** How the workflow of a push is started; a running one of that id is an error. */
export function workflowOf(pushId: string, input: PushInput): WorkflowStartOptions {
  const { project, level, repository, ref, revision, pushedBy } = input;
  const summary = `${project} ${ref.replace('refs/heads/', '')} ${revision.slice(0, 12)}`;
  return {
    workflowId: pushId,
    taskQueue: queueName('control', level),
    args: [input],
    workflowIdConflictPolicy: 'FAIL',
    // Projects take turns at being planned, too.
    priority: { fairnessKey: project },
    staticSummary: summary,
    staticDetails: `Repository \`${repository}\`, pushed by ${pushedBy}`,
    // A push that goes on in a new run has its memo there, and no static summary.
    memo: { push: summary, ...pushMemo(pushId) },
    typedSearchAttributes: [
      { key: SLIPWAY_PROJECT, value: project },
      { key: SLIPWAY_LEVEL, value: level },
      { key: SLIPWAY_REVISION, value: revision },
      { key: SLIPWAY_PUSHED_BY, value: pushedBy },
      { key: SLIPWAY_STATE, value: 'running' },
    ],
  };
}

/** A new round's first record replaces the verdict of the round before; until then a reader would take that for the new one. */
export async function untilReplaced(store: Store, pushId: string, resolved: string): Promise<void> {
  for (let waited = 0; waited < REPLACE_PATIENCE_MS; waited += REPLACE_POLL_MS) {
    const status = await store.pushes.findStatus(pushId);
    if (status?.resolved !== resolved) return;
    await delay(REPLACE_POLL_MS);
  }
}

/** The same over a damaged status, which cannot be read until then. */
async function untilWritten(store: Store, pushId: string): Promise<void> {
  for (let waited = 0; waited < REPLACE_PATIENCE_MS; waited += REPLACE_POLL_MS) {
    if (await store.pushes.findUsableStatus(pushId)) return;
    await delay(REPLACE_POLL_MS);
  }
}

/**
 * A further ref that arrives at the same revision and level is added to the record, and a time that counts as that of its arrival. Says
 * so when the tasks were decided for another ref.
 */
async function addRef(
  known: FindPushDeps,
  pushId: string,
  { ref, arrived }: { readonly ref: string; readonly arrived?: string },
): Promise<Pick<StartedPush, 'decidedFor'>> {
  const { pushes } = known.store;
  const record = await pushes.find(pushId);
  if (record && (arrived !== undefined || !record.refs.includes(ref)))
    await pushes.receive({ ...record, refs: [ref], ...(arrived === undefined ? {} : { arrived }) });
  // A record has several refs, and only the plan knows which of them it is for. Before there is one it is for the first.
  if (record?.refs.every((other) => other === ref)) return {};
  const first = record ? record.refs[0] : (await findStartedPush(known, pushId))?.ref;
  const decidedFor = (await pushes.findPlan(pushId))?.ref ?? first;
  return decidedFor === undefined || decidedFor === ref ? {} : { decidedFor };
}

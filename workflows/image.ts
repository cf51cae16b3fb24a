import {
  CancellationScope,
  condition,
  getExternalWorkflowHandle,
  isCancellation,
  log,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { FoundImage, ImageInput, ImageReason, ImageResolved, OpenWork } from '../model/pure/payloads.ts';
import { levelOf } from '../model/pure/ids.ts';
import { builderActivities, controlActivities, recordActivities } from './activity-proxies.ts';
import { failureDetail, failureType } from './failures.ts';
import { imageResolvedSignal, openWorkQuery, unwantImageSignal, wantImageSignal } from './messages.ts';

/**
 * One build per content and level, whoever asks and however many ask at once.
 *
 * Id `image/<domain>/<level>/<name>/<imageHash>`, which is also the taskId of the build. Started by
 * signal-with-start of `wantImage`; reads the index first and answers from it; asks for its parent; writes the index
 * entry, then tells everyone who waits. A failure is told and then forgotten: the next request starts a new run.
 */
export async function image(input: ImageInput): Promise<ImageResolved> {
  const wanted = new Map<string, { force: boolean }>();
  let parentResolved: ImageResolved | undefined;
  let work: CancellationScope | undefined;
  let awaited: OpenWork['images'] = [];

  setHandler(openWorkQuery, () => ({
    pushId: input.pushId,
    plannedAt: input.plannedAt,
    tasks: [],
    images: awaited,
  }));
  setHandler(wantImageSignal, ({ requester, force }) => {
    wanted.set(requester, { force });
  });
  setHandler(unwantImageSignal, ({ requester }) => {
    wanted.delete(requester);
    if (wanted.size === 0) work?.cancel();
  });
  setHandler(imageResolvedSignal, (resolved) => {
    parentResolved = resolved;
  });

  let resolved: ImageResolved = { taskId: input.taskId, reason: 'canceled', bytesUploaded: 0 };
  while (wanted.size > 0) {
    work = new CancellationScope();
    parentResolved = undefined;
    resolved = await work.run(() =>
      resolveImage(input, {
        isForced: () => [...wanted.values()].some(({ force }) => force),
        parentResolved: () => parentResolved,
        awaits: (images) => {
          awaited = images;
        },
      }),
    );
    // Replay: no await may stand between the last look at `wanted` and the return, or a request would be lost.
    let told = answerable(wanted, resolved);
    while (told.length > 0) {
      await tellAll(wanted, told, resolved);
      told = answerable(wanted, resolved);
    }
    // Left over: who asked again while the build was being cancelled, or asked for a rebuild while it was looked up.
  }
  return resolved;
}

/** Who may be told: nobody of an end that came of requests taken back, and whoever asked for a rebuild only of a build. */
function answerable(
  wanted: ReadonlyMap<string, { readonly force: boolean }>,
  { reason }: ImageResolved,
): readonly string[] {
  const requesters = [...wanted.keys()];
  if (CancellationScope.current().consideredCancelled) return requesters;
  if (reason === 'canceled') return [];
  return requesters.filter((requester) => reason !== 'reused' || wanted.get(requester)?.force !== true);
}

interface Wishes {
  isForced(): boolean;
  parentResolved(): ImageResolved | undefined;
  /** Says which image this one waits for from now on. */
  awaits(images: OpenWork['images']): void;
}

async function resolveImage(input: ImageInput, wishes: Wishes): Promise<ImageResolved> {
  const control = controlActivities(levelOf(input.taskId));
  let found: FoundImage | undefined;
  try {
    found = await control.findImage({ ...input, force: wishes.isForced() });
    if (found.stored)
      return { taskId: input.taskId, reason: 'reused', stored: found.stored, bytesUploaded: 0 };

    let parent = found.parent?.stored;
    if (found.parent && !parent) {
      const answer = await requestParent(input, found.parent, wishes);
      if (!answer.stored) return await fail(input, found, 'dependency-failed', answer);
      parent = answer.stored;
    }
    const built = await builderActivities(
      levelOf(input.taskId),
      `build ${input.name} ${shortHash(input.taskId)}`,
    ).buildImage({
      ...input,
      run: found.nextRun,
      ...(parent ? { parent } : {}),
    });
    const record = { ...input, run: found.nextRun, reason: 'built' as const, built };
    // What is built is built: nobody's leaving may undo half of its record.
    await CancellationScope.nonCancellable(() => recordActivities(levelOf(input.taskId)).recordImage(record));
    return {
      taskId: input.taskId,
      reason: 'built',
      stored: built.stored,
      bytesUploaded: built.bytesUploaded,
    };
  } catch (error) {
    const isCancelled = isCancellation(error) || CancellationScope.current().consideredCancelled;
    const reason = isCancelled ? 'canceled' : reasonOf(error);
    return await CancellationScope.nonCancellable(() =>
      fail(input, found, reason, { detail: failureDetail(error) }),
    );
  }
}

async function requestParent(
  input: ImageInput,
  parent: { readonly taskId: string; readonly name: string },
  wishes: Wishes,
): Promise<ImageResolved> {
  const requester = workflowInfo().workflowId;
  try {
    await controlActivities(levelOf(input.taskId)).requestImages({
      requester,
      pushId: input.pushId,
      plannedAt: input.plannedAt,
      images: [{ taskId: parent.taskId, name: parent.name, force: false }],
    });
    wishes.awaits([{ taskId: parent.taskId, name: parent.name }]);
    await condition(() => wishes.parentResolved() !== undefined);
  } catch (error) {
    await CancellationScope.nonCancellable(() => takeBack(parent.taskId, requester));
    throw error;
  } finally {
    wishes.awaits([]);
  }
  return wishes.parentResolved() ?? { taskId: parent.taskId, reason: 'internal-error', bytesUploaded: 0 };
}

async function takeBack(taskId: string, requester: string): Promise<void> {
  await getExternalWorkflowHandle(taskId)
    .signal(unwantImageSignal, { requester })
    .catch(() => log.info('The parent image is resolved already', { taskId }));
}

async function fail(
  input: ImageInput,
  found: FoundImage | undefined,
  reason: ImageReason,
  why: { readonly detail?: string; readonly culprit?: string; readonly taskId?: string },
): Promise<ImageResolved> {
  const culprit = why.culprit ?? (reason === 'dependency-failed' ? why.taskId : undefined);
  const told = { reason, ...(why.detail ? { detail: why.detail } : {}), ...(culprit ? { culprit } : {}) };
  // Before the number of its run was known nothing was begun that a record could tell of.
  if (found) {
    const record = { ...input, run: found.nextRun, ...told };
    // Whoever waits must hear of the end, even when it could not be recorded.
    await recordActivities(levelOf(input.taskId))
      .recordImage(record)
      .catch((error: unknown) => log.error('The end of a build was not recorded', { error }));
  }
  return { taskId: input.taskId, bytesUploaded: 0, ...told };
}

/** Signals each requester by workflow id, whatever is cancelled meanwhile; one that is gone is nobody's trouble. */
async function tellAll(
  wanted: Map<string, unknown>,
  requesters: readonly string[],
  resolved: ImageResolved,
): Promise<void> {
  for (const requester of requesters) wanted.delete(requester);
  await CancellationScope.nonCancellable(() =>
    Promise.all(
      requesters.map((requester) =>
        getExternalWorkflowHandle(requester)
          .signal(imageResolvedSignal, resolved)
          .catch(() => log.info('A requester is gone', { requester })),
      ),
    ),
  );
}

function shortHash(taskId: string): string {
  return (taskId.split('/').at(-1) ?? '').slice(0, 12);
}

function reasonOf(error: unknown): ImageReason {
  const type = failureType(error);
  const authors = ['ImageBuildFailed', 'BaseUnavailable', 'InvalidInput', 'RevisionNotFound'];
  return type !== undefined && authors.includes(type) ? 'image-build-failed' : 'internal-error';
}

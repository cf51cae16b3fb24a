import {
  CancellationScope,
  getExternalWorkflowHandle,
  isCancellation,
  log,
  setHandler,
} from '@temporalio/workflow';
import type { FoundImage, ImageInput, ImageReason, ImageResolved } from '../model/pure/payloads.ts';
import { levelOf } from '../model/pure/ids.ts';
import { builderActivities, controlActivities, recordActivities } from './activity-proxies.ts';
import { inShort, quoted, show } from './current-details.ts';
import { damagedDigest, failureDetail, failureType } from './failures.ts';
import { imageResolvedSignal, openWorkQuery, unwantImageSignal, wantImageSignal } from './messages.ts';
import { requestImage } from './request-image.ts';

/**
 * One build per content and level, whoever asks and however many ask at once.
 *
 * Id `image/<domain>/<level>/<name>/<imageHash>`, which is also the taskId of the build. Started by
 * signal-with-start of `wantImage`; reads the index first and answers from it; asks for its parent; writes the index
 * entry, then tells everyone who waits. A failure is told and then forgotten: the next request starts a new run.
 *
 * Who writes what: builders blobs, create-only, and the log's chunks; `recordImage` the index entry, after it read the manifest
 * back, and the record, both whole. Whatever dies on the way, a repeat finds what is there and does only the rest.
 */
export async function image(input: ImageInput): Promise<ImageResolved> {
  const wanted = new Map<string, { force: boolean }>();
  let work: CancellationScope | undefined;

  // While it waits for its parent this says so.
  setHandler(openWorkQuery, () => ({
    pushId: input.pushId,
    plannedAt: input.plannedAt,
    tasks: [],
    images: [],
  }));
  setHandler(wantImageSignal, ({ requester, force }) => {
    wanted.set(requester, { force });
  });
  setHandler(unwantImageSignal, ({ requester }) => {
    wanted.delete(requester);
    if (wanted.size === 0) work?.cancel();
  });

  let resolved: ImageResolved = { taskId: input.taskId, reason: 'canceled', bytesUploaded: 0 };
  while (wanted.size > 0) {
    work = new CancellationScope();
    resolved = await work.run(() =>
      resolveImage(input, () => [...wanted.values()].some(({ force }) => force)),
    );
    const { reason, detail } = resolved;
    show(`**Ended ${reason}**`, detail === undefined ? undefined : quoted(detail));
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

async function resolveImage(input: ImageInput, isForced: () => boolean): Promise<ImageResolved> {
  const { taskId, pushId, plannedAt } = input;
  const control = controlActivities(levelOf(taskId));
  const mended = new Set<string>();
  let damaged: string | undefined;
  let found: FoundImage | undefined;
  for (;;) {
    try {
      // Something stored was found damaged when it was read. What is wrong is removed, then all is looked at anew.
      show(`**Being looked for**${damaged === undefined ? '' : `: ${quoted(damaged)} of it is damaged`}`);
      if (damaged !== undefined) await control.examineImage({ pushId, plannedAt, digest: damaged });
      const force = isForced();
      found = await control.findImage({ ...input, force });
      return await buildFound(input, found, force);
    } catch (error) {
      damaged = damagedDigest(error);
      if (damaged === undefined || mended.has(damaged)) return await failWith(input, found, error);
      mended.add(damaged);
    }
  }
}

async function buildFound(input: ImageInput, found: FoundImage, fresh: boolean): Promise<ImageResolved> {
  const { taskId } = input;
  const level = levelOf(taskId);
  if (found.stored) return { taskId, reason: 'reused', stored: found.stored, bytesUploaded: 0 };
  for (const base of found.damagedBases ?? []) {
    show(`**Waiting for base images**: ${inShort([base.reference])}`);
    const { unavailable } = await builderActivities(level, `base ${base.reference}`).importBase(base);
    if (unavailable !== undefined) {
      const detail = `Base image "${base.reference}" is damaged in the store and cannot be had again: ${unavailable}`;
      return await fail(input, found, 'internal-error', { detail });
    }
  }
  let parent = found.parent?.stored;
  if (found.parent && !parent) {
    const { pushId, plannedAt } = input;
    show(`**Waiting for its parent** ${inShort([found.parent.name])}`);
    const answer = await requestImage({ ...found.parent, pushId, plannedAt });
    if (!answer.stored) return await fail(input, found, 'dependency-failed', answer);
    parent = answer.stored;
  }
  show(`**Run ${found.nextRun}**: a builder builds it, or is waited for`);
  const built = await builderActivities(level, `build ${input.name} ${shortHash(taskId)}`).buildImage({
    ...input,
    run: found.nextRun,
    ...(parent ? { parent } : {}),
    ...(fresh ? { fresh } : {}),
  });
  const record = { ...input, run: found.nextRun, reason: 'built' as const, built };
  // What is built is built: nobody's leaving may undo half of its record.
  await CancellationScope.nonCancellable(() => recordActivities(level).recordImage(record));
  const fellBack = [built.fellBack, built.cacheTrouble].filter(Boolean).join('; ');
  return {
    taskId,
    reason: 'built',
    stored: built.stored,
    bytesUploaded: built.bytesUploaded,
    ...(fellBack === '' ? {} : { fellBack }),
  };
}

function failWith(input: ImageInput, found: FoundImage | undefined, error: unknown): Promise<ImageResolved> {
  const isCancelled = isCancellation(error) || CancellationScope.current().consideredCancelled;
  const reason = isCancelled ? 'canceled' : reasonOf(error);
  return CancellationScope.nonCancellable(() => fail(input, found, reason, { detail: failureDetail(error) }));
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

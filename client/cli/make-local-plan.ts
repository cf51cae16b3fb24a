import type { Printed } from '../../plan/join-printed.ts';
import type { Changes, ChangesQuestion } from '../../steps/changed-files.ts';
import type { MadePlan } from '../../steps/make-plan.ts';
import type { FoundStore } from './find-store.ts';
import type { OpenRevision } from './open-revision.ts';
import type { PlatformArgs } from './platform-of-images.ts';
import type { Session } from './session.ts';
import type { Terminal } from './terminal.ts';

export interface LocalPlanArgs extends PlatformArgs {
  readonly project?: string | undefined;
  readonly tasks?: string[] | undefined;
  readonly rebuild?: string[] | undefined;
}

export interface LocalPlanOptions {
  /** Stands for the variant that was asked for. */
  readonly variant?: string | undefined;
  /** What a decision program printed, where it has run. */
  readonly decision?: Printed | undefined;
}

/** The plan that a push of a revision would have, or of a working tree if it were committed, by what a store knows. */
export async function makeLocalPlan(
  { project, tasks, rebuild, platform }: LocalPlanArgs,
  { opened, found }: { readonly opened: OpenRevision; readonly found: FoundStore },
  { signal, env }: Pick<Session, 'signal' | 'env'>,
  { variant, decision }: LocalPlanOptions = {},
): Promise<MadePlan> {
  const { contextHashes } = await import('./context-hashes.ts');
  const [
    { makePlan },
    { ownerOf },
    { platformOfPushes },
    ids,
    { normalizeRequest, variantOf },
    { grantsOf },
  ] = await Promise.all([
    import('../../steps/make-plan.ts'),
    import('./describe-in-tree.ts'),
    import('./platform-of-images.ts'),
    import('../../model/pure/ids.ts'),
    import('../../model/variant.ts'),
    import('../../model/schema/config.ts'),
  ]);
  const { repository, revision, tree, source } = opened;
  const ref = opened.ref ?? 'HEAD';
  const owner = await ownerOf({ project }, opened, found);
  const request = normalizeRequest({ tasks, rebuild });
  const named = variant ?? variantOf(request);
  const pushId = ids.pushId({ ...owner, revision: tree.revision, ...(named ? { variant: named } : {}) });
  const made = await makePlan(tree, found.store, {
    ...owner,
    // A laptop that has no server's configuration does not know what that grants.
    ...(owner.grants === undefined && found.store ? { grants: grantsOf(found.config, owner) } : {}),
    isNamed: found.config.projects[owner.project] !== undefined,
    pushId,
    repository,
    ref,
    request,
    platform: await platformOfPushes({ platform }, owner.level, found),
    plannedAt: new Date().toISOString(),
    decision,
    contextHashes: contextHashes(env),
    findChanges: () => changesOf(opened, { ...owner, pushId, ref, wanted: project }, { found, signal }),
    message: () => source.message(repository, revision, signal),
    signal,
  });
  if (made.outcome !== 'nothing') return made;
  const { explainNoConfig } = await import('./explain-no-config.ts');
  return { ...made, detail: await explainNoConfig(opened, signal) };
}

/** What has changed, as a push would find it; what is not committed has changed too where the working tree is planned. */
async function changesOf(
  opened: OpenRevision,
  {
    wanted,
    ...push
  }: Pick<ChangesQuestion['push'], 'pushId' | 'project' | 'level' | 'ref'> & {
    readonly wanted: string | undefined;
  },
  { found, signal }: { readonly found: FoundStore; readonly signal: AbortSignal },
): Promise<Changes | undefined> {
  const [{ findChanges }, { asConfigured }, { findKnown, questionOf }, { upstreamRevision }, { dirtyFiles }] =
    await Promise.all([
      import('../../steps/changed-files.ts'),
      import('../../steps/resolve-project.ts'),
      import('./local-project.ts'),
      import('../local-repository.ts'),
      import('../../source/checkout.ts'),
    ]);
  const { local, source, repository, revision, tree } = opened;
  const { store, config } = found;
  const known = findKnown(config, await questionOf(opened, wanted));
  const pushedAs = asConfigured(config, known?.repository ?? repository);
  const upstream = local && (await upstreamRevision(local, push.ref));
  const pending = local && tree.revision !== revision ? await dirtyFiles(local.directory) : [];
  const asked = { ...push, repository, pushedAs, revision, upstream };
  return findChanges({ source, store, config, push: asked, pending, signal });
}

/** Says on stderr why there is no plan. */
export async function reportNoPlan(
  made: Exclude<MadePlan, { outcome: 'planned' }>,
  terminal: Pick<Terminal, 'error'>,
): Promise<void> {
  if (made.outcome === 'nothing') {
    terminal.error(`slipway: ${made.detail}`);
    return;
  }
  const { formatFinding } = await import('../../model/findings.ts');
  for (const finding of made.findings) terminal.error(formatFinding(finding));
}

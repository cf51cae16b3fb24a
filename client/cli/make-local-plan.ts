import type { Printed } from '../../plan/join-printed.ts';
import type { MadePlan } from '../../steps/make-plan.ts';
import type { FoundStore } from './find-store.ts';
import type { OpenRevision } from './open-revision.ts';
import type { Session } from './session.ts';
import type { Terminal } from './terminal.ts';

export interface LocalPlanArgs {
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
  { project, tasks, rebuild }: LocalPlanArgs,
  { opened, found }: { readonly opened: OpenRevision; readonly found: FoundStore },
  { signal, env }: Pick<Session, 'signal' | 'env'>,
  { variant, decision }: LocalPlanOptions = {},
): Promise<MadePlan> {
  const { contextHashes } = await import('./context-hashes.ts');
  const [{ makePlan }, { ownerOf }, { hostPlatform }, ids, { normalizeRequest, variantOf }, { grantsOf }] =
    await Promise.all([
      import('../../steps/make-plan.ts'),
      import('./describe-in-tree.ts'),
      import('../../workers/host-platform.ts'),
      import('../../model/pure/ids.ts'),
      import('../../model/variant.ts'),
      import('../../model/schema/config.ts'),
    ]);
  const { repository, revision, tree, source } = opened;
  const ref = opened.ref ?? 'HEAD';
  const owner = await ownerOf({ project }, opened, found);
  const request = normalizeRequest({ tasks, rebuild });
  const named = variant ?? variantOf(request);
  const made = await makePlan(tree, found.store, {
    ...owner,
    // A laptop that has no server's configuration does not know what that grants.
    ...(owner.grants === undefined && found.store ? { grants: grantsOf(found.config, owner) } : {}),
    pushId: ids.pushId({ ...owner, revision: tree.revision, ...(named ? { variant: named } : {}) }),
    repository,
    ref,
    request,
    platform: hostPlatform(),
    plannedAt: new Date().toISOString(),
    decision,
    contextHashes: contextHashes(env),
    changedFiles: () => changedFiles(opened, ref, signal),
    message: () => source.message(repository, revision, signal),
    signal,
  });
  if (made.outcome !== 'nothing') return made;
  const { explainNoConfig } = await import('./explain-no-config.ts');
  return { ...made, detail: await explainNoConfig(opened, signal) };
}

/** Since where the branch was when it was last seen on the server, which would compare with that; undefined: not known. */
async function changedFiles(
  { local, source, repository, revision, tree }: OpenRevision,
  ref: string,
  signal: AbortSignal,
): Promise<readonly string[] | undefined> {
  if (!local) return undefined;
  const [{ upstreamRevision }, { dirtyFiles }] = await Promise.all([
    import('../local-repository.ts'),
    import('../../source/checkout.ts'),
  ]);
  const base = await upstreamRevision(local, ref);
  if (base === undefined) return undefined;
  const pending = tree.revision === revision ? [] : await dirtyFiles(local.directory);
  if (base === revision) return pending.length > 0 ? pending : undefined;
  const committed = await source.changedFiles(repository, base, revision, signal);
  return committed && [...committed, ...pending];
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

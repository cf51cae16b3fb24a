import type { ContextHashCache } from '../images/context-hash-cache.ts';
import { isSlipwayError, ProjectNotFound } from '../model/errors.ts';
import { formatFinding } from '../model/findings.ts';
import type { Finding } from '../model/findings.ts';
import { pushId as idOf } from '../model/pure/ids.ts';
import type { BaseToRenew, PlatformBase } from '../model/pure/base-payloads.ts';
import { platformBaseKey } from '../model/pure/base-payloads.ts';
import type { PlannedPush, PlanPushInput } from '../model/pure/payloads.ts';
import type { PushReason } from '../model/pure/states.ts';
import type { ServerConfig } from '../model/schema/config.ts';
import { keepFailedSeconds, tarballOf } from '../model/schema/config.ts';
import type { Plan } from '../model/schema/plan.ts';
import type { SourceTree } from '../model/source-tree.ts';
import { variantOf } from '../model/variant.ts';
import type { GitSource } from '../source/git-source.ts';
import type { Store } from '../store/store.ts';
import { findChanges } from './changed-files.ts';
import { CONFIG_FILE } from './config-file.ts';
import { makePlan } from './make-plan.ts';
import { markUses } from './mark-uses.ts';
import type { Decided } from './decided.ts';
import { afterDecision, keepDecision, readDecided } from './decided.ts';
import type { DocumentParts } from './push-document.ts';
import { composeDocument } from './push-document.ts';
import { graphImage } from './graph-image.ts';
import { planKeeping } from './keep-failed.ts';
import type { MissingTarball } from './look-up-image.ts';
import { receivePush } from './receive-push.ts';
import type { ResolvedProject } from './resolve-project.ts';
import { resolveAtLevel, supersedes } from './resolve-project.ts';
import { storeTarballs } from './store-tarballs.ts';
import type { PushRecord } from '../model/schema/records.ts';
import type { StepContext } from './step-context.ts';
import { expectNotGivenUp } from './step-context.ts';

export interface PlanPushDeps {
  readonly store: Store;
  readonly source: GitSource;
  readonly config: ServerConfig;
  readonly platform: string;
  /** Context hashes that were computed before, by whichever process. */
  readonly contextHashes?: ContextHashCache;
}

/** Who waits for a fetch of others holds a place of the worker's, which all else of its level needs too. */
const FETCH_PATIENCE_MS = 10_000;

/**
 * Plans one push from its revision and records what was decided. Whatever the tree holds, there is a record
 * afterwards; only trouble with store or repository throws. Safe to repeat.
 */
export async function planPush(
  deps: PlanPushDeps,
  input: PlanPushInput,
  context: StepContext,
): Promise<PlannedPush> {
  const { push } = input;
  const mayWrite = (): void => expectNotGivenUp(context);
  let owner: ResolvedProject;
  let tree: SourceTree;
  let record: PushRecord | undefined;
  try {
    owner = authorize(deps.config, input);
    // Before the repository, which may take long or be away: a newer push that is planned meanwhile finds this one.
    record = await receivePush(deps.store, input, owner.domain);
    // Of a large repository it takes long for the first time.
    context.onProgress({ message: `fetching ${push.repository}` });
    tree = await deps.source.open(push.repository, {
      // The ref may have moved on since the push was planned first, or be gone.
      ...(input.replanned ? {} : { ref: push.ref }),
      revision: push.revision,
      patienceMs: FETCH_PATIENCE_MS,
      signal: context.signal,
    });
  } catch (error) {
    const reason = isSlipwayError(error) ? FINAL[error.type] : undefined;
    if (reason === undefined || !(error instanceof Error)) throw error;
    record ??= await receivePush(deps.store, input, push.project);
    return reject(deps.store, record, { reason, detail: error.message, findings: [] }, mayWrite);
  }
  context.onProgress({ message: 'making the plan' });
  const { store } = deps;
  const decided = input.decided ? await readDecided(store, input.pushId, context.signal) : undefined;
  const made = await makePlan(tree, deps.store, {
    pushId: input.pushId,
    ...owner,
    isNamed: deps.config.projects[owner.project] !== undefined,
    repository: push.repository,
    ref: push.ref,
    request: push.request,
    platform: deps.platform,
    tarball: tarballOf(deps.config, owner.level),
    plannedAt: new Date().toISOString(),
    decision: decided?.printed ?? 'first',
    findChanges: () => {
      const asked = { ...push, pushId: input.pushId, base: push.request.base };
      return findChanges({ ...deps, push: asked, signal: context.signal });
    },
    message: () => deps.source.message(push.repository, push.revision, context.signal),
    unavailableBases: input.unavailableBases,
    troubledBases: input.troubledBases ?? [],
    renewedBases: input.renewedBases ?? {},
    contextHashes: deps.contextHashes,
    signal: context.signal,
  });
  switch (made.outcome) {
    case 'nothing':
      return reject(deps.store, record, { reason: 'completed', detail: made.detail, findings: [] }, mayWrite);
    case 'invalid':
      return reject(
        deps.store,
        record,
        {
          reason: 'malformed-plan',
          detail: formatFinding(made.findings.find(({ severity }) => severity === 'error') ?? NO_FINDING),
          findings: made.findings,
        },
        mayWrite,
        decided,
      );
    case 'planned':
      return accept(
        deps,
        record,
        input,
        {
          plan: {
            ...planKeeping(decided ? afterDecision(made.plan, decided) : made.plan, {
              seconds: keepFailedSeconds(deps.config),
              isHeld: push.hold ?? false,
            }),
            decisionMs: Math.max(0, Date.now() - Date.parse(push.received)),
          },
          toRenew: made.toRenew,
          missingTarballs: made.missingTarballs,
          decided,
        },
        context,
      );
  }
}

/** Errors that end a push for good; others are trouble that may pass. */
const FINAL: Partial<Record<string, PushReason>> = {
  ProjectNotFound: 'repository-unavailable',
  RevisionNotFound: 'revision-not-found',
};

const NO_FINDING: Finding = { severity: 'error', file: CONFIG_FILE, line: 1, column: 1, message: 'is wrong' };

/** The push's id must be the one of what it asks for, its level the one that the configuration gives; a client's word does not count. */
function authorize(config: ServerConfig, { push, pushId }: PlanPushInput): ResolvedProject {
  const variant = variantOf(push.request);
  if (idOf({ ...push, ...(variant ? { variant } : {}) }) !== pushId) {
    throw new ProjectNotFound(
      `Push ${pushId} asks for revision ${push.revision} of ${push.project}, which is another push`,
    );
  }
  return resolveAtLevel(config, push);
}

async function reject(
  store: Store,
  record: PushRecord,
  verdict: { readonly reason: PushReason; readonly detail: string; readonly findings: readonly Finding[] },
  mayWrite: () => void,
  decided?: Decided,
): Promise<PlannedPush> {
  const { findings } = verdict;
  await store.pushes.writeStatus(
    composeDocument({ record, verdict, findings, ...doneBefore(decided), plan: decided?.plan }),
    mayWrite,
  );
  return { outcome: 'rejected', reason: verdict.reason, detail: verdict.detail };
}

async function accept(
  { store, config, platform: ownPlatform }: PlanPushDeps,
  record: PushRecord,
  input: PlanPushInput,
  {
    plan: made,
    toRenew,
    missingTarballs,
    decided,
  }: {
    readonly plan: Plan;
    readonly toRenew: readonly BaseToRenew[];
    readonly missingTarballs: readonly MissingTarball[];
    readonly decided: Decided | undefined;
  },
  context: StepContext,
): Promise<PlannedPush> {
  const mayWrite = (): void => expectNotGivenUp(context);
  const bases = missingBases(made).filter(
    (base) => input.unavailableBases[platformBaseKey(base)] === undefined,
  );
  if (bases.length > 0 || toRenew.length > 0) {
    const renew = toRenew.length > 0 ? { renew: toRenew } : {};
    return { outcome: 'bases-missing', bases, ...renew, domain: made.domain };
  }
  // Before the plan leans on them: they live on from now.
  await markUses(store, made, ownPlatform);
  const plan = await storeTarballs(store, made, missingTarballs, context);
  await store.pushes.writePlan(plan, mayWrite);
  if (decided) await keepDecision(store, plan, context.signal);
  await store.pushes.writeStatus(
    composeDocument({ record, plan, findings: plan.warnings, ...doneBefore(decided) }),
    mayWrite,
  );
  return {
    outcome: 'planned',
    plannedAt: plan.plannedAt,
    images: plan.images.map(graphImage),
    ...(plan.decides ? { decides: true } : {}),
    ...(supersedes(config, plan.project, plan.ref) && !decided ? { supersedes: true } : {}),
  };
}

/** What a push has done by then that is planned. */
function doneBefore(decided: Decided | undefined): Pick<DocumentParts, 'outcomes' | 'taskRecords'> {
  if (!decided) return { outcomes: [], taskRecords: new Map() };
  const { outcomes, record } = decided;
  return { outcomes, taskRecords: new Map([[record.label, record]]) };
}

/** Those that have no record for the platform of an image on them, each once. */
function missingBases({ images }: Plan): readonly PlatformBase[] {
  const missing = images.flatMap(({ inputs: { platform }, missingBases: references }) =>
    references.map((reference) => ({ platform, reference })),
  );
  return [...new Map(missing.map((base) => [platformBaseKey(base), base])).values()];
}

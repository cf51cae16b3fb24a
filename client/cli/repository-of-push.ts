import type { LocalRepository } from '../local-repository.ts';
import { holdsRevision, tipAtRemote, tipOf } from '../local-repository.ts';
import { expectOnRef } from './expect-on-ref.ts';
import { findConfig } from './find-config.ts';
import type { KnownRepository } from './local-project.ts';
import { findKnown, ownProject, questionOf } from './local-project.ts';
import type { OpenRevision } from './open-revision.ts';
import type { Session } from './session.ts';
import { UsageError } from './usage-error.ts';

/**
 * The repository that a push of a revision names: itself, or its remote where that is what the configuration names, so that a push is
 * of the project that `plan` says. Refuses, before anything is started, a revision that is not on the ref there.
 * @throws {UsageError} @throws {RepositoryUnavailable} when the remote does not answer.
 */
export async function repositoryOfPush(
  opened: Pick<OpenRevision, 'repository' | 'local' | 'revision'>,
  { ref, project }: { readonly ref: string; readonly project?: string | undefined },
  { env, signal }: Pick<Session, 'env' | 'signal'>,
): Promise<string> {
  const { repository, local, revision } = opened;
  if (!local) return repository;
  const { config } = await findConfig({ env });
  const known = findKnown(config, await questionOf({ ...opened, ref }, project));
  if (!known || known.repository === repository) {
    await expectOnRef(local, { ref, revision });
    return repository;
  }
  const own = project === undefined ? ownProject(config, repository, ref) : undefined;
  await expectAtRemote(local, { known, ref, revision, own, signal });
  return known.repository;
}

/** @throws {UsageError} that says what to type where the remote's ref does not hold the revision, or cannot be compared with it. */
async function expectAtRemote(
  local: LocalRepository,
  wanted: {
    readonly known: KnownRepository;
    readonly ref: string;
    readonly revision: string;
    /** The project that the checkout itself would be. */
    readonly own: string | undefined;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { known, ref, revision, own, signal } = wanted;
  const { repository: url, owner } = known;
  const name = ref.replace('refs/heads/', '');
  const tip = await tipAtRemote(local, { url, ref, signal });
  if (tip === revision) return;
  // What somebody else has pushed meanwhile, this checkout knows nothing of.
  const tipHere = tip && (await tipOf(local, tip));
  if (tipHere && (await holdsRevision(local, tipHere, revision))) return;
  const instead =
    own === undefined
      ? ''
      : `; or let this directory be a project of its own, at level 1: slipway push --project ${own}`;
  throw new UsageError(
    `${local.directory} is pushed as project ${owner.project} by its remote ${url}, which ${whatItHas()}${instead}`,
  );

  function whatItHas(): string {
    if (tip === undefined) return `has no ${name}: git push it first`;
    const there = `has ${name} at ${tip.slice(0, 12)}`;
    if (!tipHere) return `${there}, and that is not here: git fetch first`;
    return `${there}, and that does not hold ${revision.slice(0, 12)}: git push it first`;
  }
}

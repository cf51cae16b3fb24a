import type { SourceTree } from '../../model/source-tree.ts';
import type { GitSource } from '../../source/git-source.ts';
import type { LocalRepository } from '../local-repository.ts';
import { quoteWord } from '../quote-word.ts';
import type { Session } from './session.ts';
import { UsageError } from './usage-error.ts';

/** One revision of a repository as a verb's arguments name it. */
export interface OpenRevision {
  /** As the server is told: the absolute path, of a linked worktree its repository's, or the URL as given. */
  readonly repository: string;
  /** Undefined for a repository elsewhere. */
  readonly local: LocalRepository | undefined;
  readonly revision: string;
  /** Full ref; undefined when none was named and HEAD is detached. */
  readonly ref: string | undefined;
  /** Of the revision, or of the working tree. */
  readonly tree: SourceTree;
  readonly source: GitSource;
}

export interface RevisionArgs {
  readonly repo: string;
  readonly rev: string;
  readonly ref?: string | undefined;
  /** The tracked files of a checkout as they stand, instead of a revision. */
  readonly worktree?: boolean | undefined;
}

/** Finds what `REPO --rev REV --ref REF` mean; a repository elsewhere is mirrored below the state directory. */
export async function openRevision(args: RevisionArgs, { env, signal }: Session): Promise<OpenRevision> {
  const [{ isRemoteRepository }, { localSource }] = await Promise.all([
    import('../local-repository.ts'),
    import('../local-source.ts'),
  ]);
  const source = localSource(env);
  return isRemoteRepository(args.repo) ? openRemote(args, source, signal) : openLocal(args, source, signal);
}

/** The same, or undefined outside of any repository, or of one without that revision. */
export async function openIfAny(args: RevisionArgs, session: Session): Promise<OpenRevision | undefined> {
  const { isSlipwayError } = await import('../../model/errors.ts');
  try {
    return await openRevision(args, session);
  } catch (error) {
    if (isSlipwayError(error) && ['NotFound', 'RevisionNotFound'].includes(error.type)) return undefined;
    throw error;
  }
}

/** The ref, where a verb cannot do without one. @throws {UsageError} */
export function requireRef({ ref }: OpenRevision): string {
  if (ref === undefined) throw new UsageError('HEAD is detached: name the branch by --ref BRANCH');
  return ref;
}

async function openLocal(args: RevisionArgs, source: GitSource, signal: AbortSignal): Promise<OpenRevision> {
  const { branchOf, findLocalRepository, resolveRevision } = await import('../local-repository.ts');
  const { openCheckout } = await import('../../source/checkout.ts');
  const local = await findLocalRepository(args.repo).catch((error: unknown) => explain(error, args.repo));
  if (args.worktree === true && local.isBare)
    throw new UsageError(`${args.repo} is a bare repository: it has no working tree`);
  if (args.worktree === true && args.rev !== 'HEAD')
    throw new UsageError('--worktree takes the files that are checked out: leave --rev out');
  const revision = await resolveRevision(local, args.rev);
  const ref = args.ref === undefined ? await branchOf(local, args.rev) : fullRef(args.ref);
  const { directory } = local;
  const tree =
    args.worktree === true
      ? await (await import('../../source/worktree.ts')).openWorktree(directory, signal)
      : openCheckout(directory, revision);
  return { repository: local.repository, local, revision, ref, tree, source };
}

/** Who comes from other tools names a branch where a repository is meant. */
async function explain(error: unknown, repo: string): Promise<never> {
  const { findLocalRepository, resolveRevision } = await import('../local-repository.ts');
  const { isSlipwayError, NotFound } = await import('../../model/errors.ts');
  const isRevision = await findLocalRepository('.')
    .then((here) => resolveRevision(here, repo))
    .then(
      () => true,
      () => false,
    );
  if (!isRevision || !isSlipwayError(error) || error.type !== 'NotFound') throw error;
  throw new NotFound(`${error.message}; a branch or revision is named by --rev ${quoteWord(repo)}`, {
    cause: error,
  });
}

async function openRemote(args: RevisionArgs, source: GitSource, signal: AbortSignal): Promise<OpenRevision> {
  if (args.worktree === true) throw new UsageError('--worktree is for a repository on this machine');
  if (args.ref === undefined) throw new UsageError(`Name a branch of ${args.repo} by --ref BRANCH`);
  const ref = fullRef(args.ref);
  const revision = await source.resolve(args.repo, args.rev === 'HEAD' ? ref : args.rev, signal);
  const tree = await source.open(args.repo, { ref, revision, signal });
  return { repository: args.repo, local: undefined, revision, ref, tree, source };
}

function fullRef(ref: string): string {
  return ref.startsWith('refs/') ? ref : `refs/heads/${ref}`;
}

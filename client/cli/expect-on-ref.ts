import { Nearest } from '../../model/nearest.ts';
import { refusalOfLacking } from '../../source/partial-clone.ts';
import type { LocalRepository } from '../local-repository.ts';
import { holdsRevision, refsOf, remoteBranches, tipOf } from '../local-repository.ts';
import { UsageError } from './usage-error.ts';

/**
 * Refuses, before anything is started, what the server would refuse: a new round that cannot be planned would take the place of a
 * verdict. @throws {UsageError} when a ref is not in the repository, its history does not hold the revision, or nobody can fetch
 * that from a partial clone.
 */
export async function expectOnRef(
  repository: LocalRepository,
  { ref, revision }: { readonly ref: string; readonly revision: string },
): Promise<void> {
  const [name, short] = [ref.replace('refs/heads/', ''), revision.slice(0, 12)];
  const tip = await tipOf(repository, ref);
  if (tip === undefined) {
    const hint = await hintFor(repository, name);
    throw new UsageError(`There is no ${ref} in ${repository.directory}${hint ? `: ${hint}` : ''}`);
  }
  if (await holdsRevision(repository, tip, revision)) return expectWhole(repository, tip);
  const holders = (await refsOf(repository, revision)).map((other) => `--ref ${other}`);
  throw new UsageError(
    `${name} does not hold ${short}: it is at ${tip.slice(0, 12)}${holders.length > 0 ? `. It is on: ${holders.slice(0, MOST).join(', ')}` : ''}`,
  );
}

/** Whoever fetches a revision of a ref gets all that leads to the ref's tip. */
async function expectWhole({ directory }: LocalRepository, tip: string): Promise<void> {
  const refusal = await refusalOfLacking(directory, tip);
  if (refusal) throw new UsageError(refusal.message);
}

/** A detached checkout, as CI makes it, has the branches of its remote and none of its own. */
async function hintFor(repository: LocalRepository, name: string): Promise<string | undefined> {
  const tag = `refs/tags/${name}`;
  if (await tipOf(repository, tag)) return `there is a tag of that name, --ref ${tag}`;
  const [remote] = await remoteBranches(repository, name);
  if (remote !== undefined) return `its remote has one, to be had with: git branch ${name} ${remote}`;
  return new Nearest().hint(name, new Set(await refsOf(repository)));
}

const MOST = 5;

import { mapConcurrently } from '../model/concurrently.ts';
import { parseId } from '../model/pure/ids.ts';
import type { Level } from '../model/pure/ids.ts';
import { fullRef, isOneRef, shortRef } from '../model/pure/ref-patterns.ts';
import type { PushState } from '../model/pure/states.ts';
import type { ServerConfig } from '../model/schema/config.ts';
import type { GitSource } from '../source/git-source.ts';
import { isUnreadable, unlessUnreadable } from '../store/json-object.ts';
import type { Store } from '../store/store.ts';
import { canonicalRepository, supersedes } from './resolve-project.ts';

/** What `when.changed` of a push is held against. */
export interface Changes {
  readonly files: readonly string[];
  readonly since: Base;
}

export interface Base {
  readonly revision: string;
  /** What that revision is, for people. */
  readonly what: string;
}

export interface ChangesQuestion {
  readonly source: Pick<GitSource, 'changedFiles' | 'mergeBase'>;
  /** Undefined where none answers. */
  readonly store: Pick<Store, 'pushes'> | undefined;
  readonly config: Pick<ServerConfig, 'projects'>;
  readonly push: {
    readonly pushId: string;
    readonly project: string;
    readonly level: Level;
    readonly repository: string;
    /** As pushes of it name it, where it is read in a clone of that. Default: `repository`. */
    readonly pushedAs?: string | undefined;
    readonly ref: string;
    readonly revision: string;
    readonly base?: string | undefined;
    /** The ref's former revision as a hook was told it. */
    readonly before?: string | undefined;
    /** Where the branch's upstream is, as far as the pusher's clone knows. */
    readonly upstream?: string | undefined;
  };
  /** Files of a working tree that are not committed: they have changed too. */
  readonly pending?: readonly string[];
  readonly signal: AbortSignal;
}

/** So many pushes of a project are looked through for the last one of a ref. */
const RECENT_PUSHES = 128;
const READS_IN_FLIGHT = 16;
const CARRIED_OUT: readonly PushState[] = ['completed', 'failed'];

/**
 * What a push has changed: since what was asked for, else since the ref's former revision, which a hook says or the last push of it
 * (a former revision whose own push has tested less counts for neither), else since the branch's upstream, else since the merge base
 * with the project's first ref; undefined: not known, so that everything counts as changed. The same for a plan on a laptop and for
 * the push.
 */
export async function findChanges(question: ChangesQuestion): Promise<Changes | undefined> {
  const { source, push, pending = [], signal } = question;
  const { repository, revision } = push;
  if (push.base !== undefined) return changesSince({ revision: push.base, what: 'what was asked for' });
  for (const find of [former, pushedBefore, upstream, mergeBase]) {
    const base = await find(question);
    const changes = base && (await changesSince(base));
    if (changes) return changes;
  }
  return undefined;

  async function changesSince(since: Base): Promise<Changes | undefined> {
    // A former revision that a forced push took away may be gone for good.
    const files = await source.changedFiles(repository, since.revision, revision, signal);
    return files && { files: [...files, ...pending], since };
  }
}

function canonicalName({ repository, pushedAs = repository }: ChangesQuestion['push']): string {
  return canonicalRepository(pushedAs);
}

/** A hook says where the ref was, not that this was tested. Where no push of that is known, it was pushed before there were any. */
async function former(question: ChangesQuestion): Promise<Base | undefined> {
  const { store, push } = question;
  const { project, level, before } = push;
  if (before === undefined) return undefined;
  const ids: string[] = [];
  if (store)
    for await (const id of store.pushes.startingWith({ project, level, revision: before })) ids.push(id);
  const known = await mapConcurrently(ids, (id) => isBase(question, id), READS_IN_FLIGHT);
  const ofRef = known.filter((isTested) => isTested !== undefined);
  if (ofRef.length > 0 && !ofRef.includes(true)) return undefined;
  return { revision: before, what: "the ref's former revision" };
}

async function pushedBefore(question: ChangesQuestion): Promise<Base | undefined> {
  const { store, push, pending = [] } = question;
  const { pushId, project, level, ref } = push;
  if (!store) return undefined;
  const recent = await store.pushes.list({ levels: [level], project, limit: RECENT_PUSHES });
  const ids = recent.map((listed) => listed.pushId);
  // Of a push that is there already, only what came before it counts.
  const place = ids.indexOf(pushId);
  if (place < 0 && (await store.pushes.find(pushId))) return undefined;
  const earlier = ids.slice(place + 1).flatMap((id) => {
    const revision = wholePush(id)?.revision;
    const isNews = revision !== push.revision || pending.length > 0;
    return revision !== undefined && isNews ? [{ id, revision }] : [];
  });
  for (let at = 0; at < earlier.length; at += READS_IN_FLIGHT) {
    const batch = earlier.slice(at, at + READS_IN_FLIGHT);
    const counts = await mapConcurrently(batch, async ({ id }) => isBase(question, id), READS_IN_FLIGHT);
    const found = batch[counts.indexOf(true)];
    if (found) return { revision: found.revision, what: `the push of ${shortRef(ref)} before` };
  }
  return undefined;
}

/**
 * Whether a push of the ref has tested its revision whole; undefined of a push of another ref, or repository. Pushes that asked for
 * something beyond the default have tested less than what has changed, and so have those that were never carried out, or not to
 * their end: they do not count.
 */
async function isBase({ store, config, push }: ChangesQuestion, id: string): Promise<boolean | undefined> {
  const record = store && (await unlessUnreadable(store.pushes.find(id)));
  // One that cannot be read: nobody knows what it was of.
  if (!record) return false;
  if (!record.refs.includes(push.ref)) return undefined;
  if (canonicalRepository(record.repository) !== canonicalName(push)) return undefined;
  if (!wholePush(id)) return false;
  const state = await store.pushes.findStatus(id).then(
    (status) => status?.state ?? 'running',
    (error: unknown): PushState => {
      // Nobody knows how it ended.
      if (isUnreadable(error)) return 'exception';
      throw error;
    },
  );
  // One that runs is about to be cancelled where newer pushes take its place.
  return state === 'running' ? !supersedes(config, push.project, push.ref) : CARRIED_OUT.includes(state);
}

/** The parts of a push's id that asked for nothing beyond the default. */
function wholePush(id: string): { readonly revision: string } | undefined {
  const parsed = parseId(id);
  return parsed?.kind === 'push' && parsed.variant === undefined ? parsed : undefined;
}

/** A revision of another branch. One that has what is pushed already says nothing, unless there is more than that. */
function elsewhere(
  { push, pending = [] }: ChangesQuestion,
  { revision, what }: { readonly revision: string | undefined; readonly what: string },
): Base | undefined {
  const isNews = revision !== push.revision || pending.length > 0;
  return revision !== undefined && isNews ? { revision, what } : undefined;
}

function upstream(question: ChangesQuestion): Promise<Base | undefined> {
  const { upstream: revision } = question.push;
  return Promise.resolve(elsewhere(question, { revision, what: "the branch's upstream" }));
}

async function mergeBase(question: ChangesQuestion): Promise<Base | undefined> {
  const { source, config, push, signal } = question;
  const canonical = canonicalName(push);
  const named = config.projects[push.project]?.sources.find(
    ({ repository }) => canonicalRepository(repository) === canonical,
  );
  const written = Object.keys(named?.refs ?? {}).find(isOneRef);
  const firstRef = written && fullRef(written);
  if (firstRef === undefined || push.ref === firstRef) return undefined;
  const revision = await source.mergeBase(push.repository, firstRef, push.revision, signal);
  return elsewhere(question, { revision, what: `the merge base with ${written}` });
}

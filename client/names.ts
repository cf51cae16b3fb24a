import { setTimeout as delay } from 'node:timers/promises';
import { mapConcurrently } from '../model/concurrently.ts';
import { NotFound } from '../model/errors.ts';
import type { Level } from '../model/pure/ids.ts';
import { LEVELS, parseId, taskIdIn } from '../model/pure/ids.ts';
import type { PushDocument } from '../model/schema/records.ts';
import { unlessUnreadable } from '../store/json-object.ts';
import type { Store } from '../store/store.ts';
import { AmbiguousName } from './ambiguous-name.ts';
import { awaitsDecision } from './describe-decision.ts';
import type { Lacking } from './describe-lack.ts';
import { describeLack } from './describe-lack.ts';
import { NotPlanned } from './not-planned.ts';

/** Among so many of the newest pushes a short beginning is looked for first, since in all that are kept it would soon name several. */
const RECENT_PUSHES = 1_000;

/** More of those that have one name need not be found. */
const NAMESAKES = 8;

/** The beginning of a revision: what else is named, the label of a task for one, is looked for in no old push. */
const REVISION_BEGINNING = /^[0-9a-f]{4,64}$/;

/** The beginning of an id that says project and level: less of one, the name of a project, would name whatever is pushed of that. */
const ID_BEGINNING = /^push\/[^/]+\/[^/]+\//;

/** Before the name of an image whose build is meant. */
const IMAGE = 'image:';

/** Who waits for a plan looks for it this often. */
const PLAN_POLL_MS = 250;

export interface NamingOptions {
  /** A push that nobody has planned yet is not in the store; by its id it is found where this says so. */
  readonly isStarted?: (pushId: string) => Promise<boolean>;
  /** The projects whose newest push is meant where none is named; asked only then. Default: all. */
  readonly ownProjects?: () => Promise<readonly OwnProject[]>;
  /** The revision that is checked out: a push of that is meant before any other. */
  readonly checkedOut?: () => Promise<string | undefined>;
  /** Hears which push is meant where none is named and what is checked out has none: it may be somebody else's. */
  readonly onNewest?: (push: NewestPush) => void;
}

export interface TaskNamingOptions extends NamingOptions {
  /** A push that is not planned yet is waited for until this ends the wait. Default: the task is not found. */
  readonly waiting?: AbortSignal;
}

export interface NewestPush {
  readonly pushId: string;
  /** Where its record can be read. */
  readonly pushedBy?: string;
}

/** What a checkout is pushed as. */
export interface OwnProject {
  readonly project: string;
  /** By the configuration; else only its directory's name says so, and it may be pushed as another one. */
  readonly isKnown: boolean;
}

/**
 * The id of the push that a person names: by its id, its revision or an unambiguous beginning of it; where none is named the newest one
 * of what is checked out, else the newest one. @throws {NotFound}
 */
export async function resolvePushName(
  store: Store,
  name: string | undefined,
  options: NamingOptions = {},
): Promise<string> {
  if (name === undefined) return unnamedPush(store, options);
  const { isStarted = () => Promise.resolve(false) } = options;
  const id = wholeId(name);
  if (parseId(id)?.kind === 'push' && ((await store.pushes.find(id)) || (await isStarted(id)))) return id;
  const [first, ...others] = new Set(await findNamesakes(store, name));
  if (first === undefined)
    throw new NotFound(
      `No push is named "${name}" (its id or a revision names one; slipway pushes lists them)`,
    );
  if (others.length > 0) throw new AmbiguousName(name, [first, ...others]);
  return first;
}

/**
 * The id of the task that a person names; a bare label belongs to the push that is named, else to that which is meant without a name.
 * `onNewest` hears of that push only where it has the task, or is waited for: an error names it.
 *
 * @throws {NotPlanned} where nobody knows yet whether the push has it. @throws {NotFound}
 */
export async function resolveTaskName(
  store: Store,
  name: string,
  push: string | undefined,
  { waiting, onNewest, ...options }: TaskNamingOptions = {},
): Promise<string> {
  const kind = parseId(name)?.kind;
  if (kind === 'task' || kind === 'image') return name;
  const untold: NewestPush[] = [];
  const pushId = await resolvePushName(store, push, {
    ...options,
    ...(onNewest ? { onNewest: (newest) => untold.push(newest) } : {}),
  });
  for (;;) {
    const status = await store.pushes.findStatus(pushId);
    const taskId = status && findTaskId(status, name);
    if (taskId !== undefined || waiting) for (const newest of untold.splice(0)) onNewest?.(newest);
    if (taskId !== undefined) return taskId;
    if (status && !awaitsDecision(status)) throw new NotFound(describeLack(status, lackingOf(name)));
    if (!waiting) throw new NotPlanned(pushId);
    await delay(PLAN_POLL_MS, undefined, { signal: waiting });
  }
}

function findTaskId({ id, images, tasks }: PushDocument, name: string): string | undefined {
  if (name.startsWith(IMAGE)) return images.find((image) => `${IMAGE}${image.name}` === name)?.taskId;
  return tasks.some(({ label }) => label === name) ? taskIdIn(id, name) : undefined;
}

/** Of a name as people give it: a label, or `image:` and a name. */
function lackingOf(name: string): Lacking {
  return name.startsWith(IMAGE) ? { image: name.slice(IMAGE.length) } : { label: name };
}

/** Pushes of a revision that a project has at a level or above, whatever was asked of them; newest first. */
export async function pushesOfRevision(
  store: Store,
  { project, ...of }: { readonly project: string; readonly level: Level; readonly revision: string },
): Promise<readonly string[]> {
  return pushesOfProjects(store, { projects: [project], ...of });
}

async function pushesOfProjects(
  { pushes }: Store,
  {
    projects,
    level,
    revision,
  }: { readonly projects: readonly string[]; readonly level: Level; readonly revision: string },
): Promise<readonly string[]> {
  const ids: string[] = [];
  for (const project of projects)
    for (const each of LEVELS.filter((other) => other >= level))
      for await (const id of pushes.startingWith({ project, level: each, revision })) ids.push(id);
  const known = await mapConcurrently(ids, async (id) => {
    const record = await unlessUnreadable(pushes.find(id));
    return { id, receivedMs: Date.parse(record?.received ?? '') || 0 };
  });
  return known.toSorted((a, b) => b.receivedMs - a.receivedMs).map(({ id }) => id);
}

/** With many people the newest push is mostly somebody else's: who stands in a checkout means what they pushed of that. */
async function unnamedPush(
  store: Store,
  { ownProjects, checkedOut, onNewest }: NamingOptions,
): Promise<string> {
  const own = (await ownProjects?.()) ?? [];
  const projects = own.map(({ project }) => project);
  const revision = projects.length > 0 ? await checkedOut?.() : undefined;
  if (revision !== undefined) {
    const [ofCheckout] = await pushesOfProjects(store, { projects, level: 1, revision });
    if (ofCheckout !== undefined) return ofCheckout;
  }
  const pushId = await newestPush(store, own);
  if (onNewest) {
    const pushedBy = (await unlessUnreadable(store.pushes.find(pushId)))?.pushedBy;
    onNewest({ pushId, ...(pushedBy === undefined ? {} : { pushedBy }) });
  }
  return pushId;
}

/**
 * That of the checkout's own projects. Where one of them is known it is never another's, which somebody might cancel by mistake; one
 * that is only guessed, and has no push, says nothing.
 */
async function newestPush(store: Store, own: readonly OwnProject[]): Promise<string> {
  const projects = own.map(({ project }) => project);
  const isOwn = (pushId: string): boolean => projects.includes(projectOf(pushId));
  const newest = (await hasPushes(store, projects)) ? await findNewest(store, isOwn) : undefined;
  if (newest !== undefined) return newest;
  const known = own.filter(({ isKnown }) => isKnown).map(({ project }) => project);
  if (known.length > 0)
    throw new NotFound(
      `There is no push yet of ${known.join(' or ')}, which this checkout is pushed as. Name one of those that slipway pushes lists`,
    );
  const ofAll = await findNewest(store, () => true);
  if (ofAll === undefined) throw new NotFound('There is no push yet');
  return ofAll;
}

/** Cheaper than to look through all pushes for one that is not there. */
async function hasPushes({ pushes }: Store, projects: readonly string[]): Promise<boolean> {
  for (const project of projects)
    for (const level of LEVELS)
      for await (const _ of pushes.startingWith({ project, level, revision: '' })) return true;
  return false;
}

async function findNewest(
  { pushes }: Store,
  accepts: (pushId: string) => boolean,
): Promise<string | undefined> {
  const [newest] = await pushes.list({ levels: LEVELS, accepts, limit: 1 });
  return newest?.pushId;
}

function projectOf(pushId: string): string {
  const parsed = parseId(pushId);
  return parsed?.kind === 'push' ? parsed.project : '';
}

/** Pushes that are named so: of the newest ones, else of all that are kept. */
async function findNamesakes({ pushes }: Store, name: string): Promise<readonly string[]> {
  const isNamed = (pushId: string): boolean => matches(pushId, name);
  const recent = await pushes.list({ levels: LEVELS, limit: RECENT_PUSHES });
  const found = recent.map(({ pushId }) => pushId).filter(isNamed);
  if (found.length > 0) return found;
  const id = parseId(wholeId(name));
  if (id?.kind === 'push') for await (const pushId of pushes.startingWith(id)) found.push(pushId);
  if (!REVISION_BEGINNING.test(name)) return found;
  const older = await pushes.list({ levels: LEVELS, accepts: isNamed, limit: NAMESAKES });
  return older.map(({ pushId }) => pushId);
}

/** The beginning of a revision, or of an id from its project and level on (`push/demo/3/1a2b…`, `demo/3/1a2b…`). */
function matches(pushId: string, name: string): boolean {
  const parsed = parseId(pushId);
  if (parsed?.kind !== 'push') return false;
  if (name.length >= 4 && parsed.revision.startsWith(name)) return true;
  const id = wholeId(name);
  return ID_BEGINNING.test(id) && pushId.startsWith(id);
}

function wholeId(name: string): string {
  return name.startsWith('push/') ? name : `push/${name}`;
}

import { NotFound } from '../model/errors.ts';
import type { Level } from '../model/pure/ids.ts';
import { LEVELS, parseId, taskIdIn } from '../model/pure/ids.ts';
import type { Store } from '../store/store.ts';
import { AmbiguousName } from './ambiguous-name.ts';

/** How far back a push is looked for by its revision, or by its project. */
const RECENT_PUSHES = 1_000;

export interface NamingOptions {
  /** A push that nobody has planned yet is not in the store; by its id it is found where this says so. */
  readonly isStarted?: (pushId: string) => Promise<boolean>;
  /** The projects whose newest push is meant where none is named, if they have any; asked only then. Default: all. */
  readonly ownProjects?: () => Promise<readonly string[]>;
}

/**
 * The id of the push that a person names: by its id, its revision or an unambiguous beginning of it; the newest one where none is named.
 * @throws {NotFound}
 */
export async function resolvePushName(
  store: Store,
  name: string | undefined,
  { isStarted = () => Promise.resolve(false), ownProjects }: NamingOptions = {},
): Promise<string> {
  if (name === undefined) return newestPush(store, (await ownProjects?.()) ?? []);
  const id = wholeId(name);
  if (parseId(id)?.kind === 'push' && ((await store.pushes.find(id)) || (await isStarted(id)))) return id;
  const recent = await store.pushes.list({ levels: LEVELS, limit: RECENT_PUSHES });
  const matching = recent.map(({ pushId }) => pushId).filter((pushId) => matches(pushId, name));
  const [first, ...others] = [...new Set(matching)];
  if (first === undefined) throw new NotFound(`No push is named "${name}"`);
  if (others.length > 0) throw new AmbiguousName(name, [first, ...others]);
  return first;
}

/** The id of the task that a person names; a bare label belongs to the push that is named, else the newest one. @throws {NotFound} */
export async function resolveTaskName(
  store: Store,
  name: string,
  push: string | undefined,
  options: Pick<NamingOptions, 'ownProjects'> = {},
): Promise<string> {
  const kind = parseId(name)?.kind;
  if (kind === 'task' || kind === 'image') return name;
  const pushId = await resolvePushName(store, push, options);
  const status = await store.pushes.findStatus(pushId);
  if (name.startsWith('image:')) {
    const image = status?.images.find((other) => `image:${other.name}` === name);
    if (!image) throw new NotFound(`Push ${pushId} needs no image "${name.slice('image:'.length)}"`);
    return image.taskId;
  }
  if (!status?.tasks.some(({ label }) => label === name))
    throw new NotFound(`Push ${pushId} has no task "${name}"`);
  return taskIdIn(pushId, name);
}

/** Pushes of a revision that a project has at a level or above, whatever was asked of them; newest first. */
export async function pushesOfRevision(
  store: Store,
  {
    project,
    level,
    revision,
  }: { readonly project: string; readonly level: Level; readonly revision: string },
): Promise<readonly string[]> {
  const levels = LEVELS.filter((other) => other >= level);
  const recent = await store.pushes.list({ levels, project, limit: RECENT_PUSHES });
  const ids = recent.map(({ pushId }) => pushId);
  return [...new Set(ids)].filter((id) => {
    const parsed = parseId(id);
    return parsed?.kind === 'push' && parsed.revision === revision;
  });
}

async function newestPush({ pushes }: Store, projects: readonly string[]): Promise<string> {
  const recent = await pushes.list({ levels: LEVELS, limit: projects.length > 0 ? RECENT_PUSHES : 1 });
  const newest = recent.find(({ pushId }) => isOf(pushId, projects)) ?? recent[0];
  if (!newest) throw new NotFound('There is no push yet');
  return newest.pushId;
}

function isOf(pushId: string, projects: readonly string[]): boolean {
  const parsed = parseId(pushId);
  return parsed?.kind === 'push' && projects.includes(parsed.project);
}

/** The beginning of a revision, or of an id (`push/demo/3/1a2b…`, `demo/3/1a2b…`). */
function matches(pushId: string, name: string): boolean {
  const parsed = parseId(pushId);
  if (parsed?.kind !== 'push') return false;
  return (name.length >= 4 && parsed.revision.startsWith(name)) || pushId.startsWith(wholeId(name));
}

function wholeId(name: string): string {
  return name.startsWith('push/') ? name : `push/${name}`;
}

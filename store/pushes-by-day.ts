import { z } from 'zod';
import type { Level } from '../model/pure/ids.ts';
import { levelOf, parseId, pushId as pushIdOf } from '../model/pure/ids.ts';
import { createJson } from './json-object.ts';
import { pushesByDayPrefix } from './keys.ts';
import type { ObjectStore } from './object-store.ts';

const DAY_MS = 86_400_000;
/** `2026-01-31T12:34:56.789Z`. */
const TIME_LENGTH = 24;

/** What stands in an entry; its key says the same, so that listing need not read it. */
const entrySchema = z.object({ pushId: z.string(), received: z.string() });

export type ListedPush = Readonly<z.infer<typeof entrySchema>>;

export interface PushesWanted {
  readonly levels: readonly Level[];
  readonly project?: string;
  /** Default: all. */
  readonly accepts?: (pushId: string) => boolean;
  /** ISO time: only what was received after it. */
  readonly after?: string;
  /** At most so many of those that are wanted. */
  readonly limit: number;
}

/** `level-<L>/pushes-by-day/<date>/<time>-<project>~<revision>[~<variant>]`: the key alone says everything that a list needs. */
export function dayKey({ pushId, received }: ListedPush): string {
  const parsed = parseId(pushId);
  if (parsed?.kind !== 'push') throw new TypeError(`Not the id of a push: ${pushId}`);
  const time = new Date(received).toISOString();
  const [, project = '', , revision = ''] = pushId.split('/');
  return `${pushesByDayPrefix(levelOf(pushId))}${dayOf(Date.parse(time))}/${time}-${project}~${revision}`;
}

/** Adds a push to the list. Safe to repeat. */
export async function listByDay(objects: ObjectStore, { pushId, received }: ListedPush): Promise<void> {
  const value = { pushId, received };
  await createJson(objects, dayKey(value), { schema: entrySchema, value });
}

/**
 * The newest pushes of some levels that are wanted. Walks backwards in windows of days that double, so that idle months cost
 * little, and ends with the window that has enough of them.
 */
export async function listPushes(objects: ObjectStore, wanted: PushesWanted): Promise<readonly ListedPush[]> {
  const oldest = await Promise.all(
    wanted.levels.map((level) => findOldestDay(objects, pushesByDayPrefix(level))),
  );
  const [first] = oldest.filter((day) => day !== undefined).sort();
  const since = wanted.after === undefined ? '' : dayOf(Date.parse(wanted.after));
  const oldestDay = first !== undefined && first < since ? since : first;
  let found: readonly ListedPush[] = [];
  // Clocks differ: a push may have been received tomorrow.
  let endMs = Date.now() + 2 * DAY_MS;
  for (let days = 2; oldestDay !== undefined && found.length < wanted.limit; days *= 2) {
    const startMs = endMs - days * DAY_MS;
    const perLevel = wanted.levels.map((level) => listWindow(objects, level, { startMs, endMs, wanted }));
    const window = (await Promise.all(perLevel)).flat();
    found = [...found, ...window.sort((a, b) => (a.received < b.received ? 1 : -1))];
    if (dayOf(startMs) <= oldestDay) break;
    endMs = startMs;
  }
  return found.slice(0, wanted.limit);
}

async function listWindow(
  objects: ObjectStore,
  level: Level,
  {
    startMs,
    endMs,
    wanted,
  }: { readonly startMs: number; readonly endMs: number; readonly wanted: PushesWanted },
): Promise<readonly ListedPush[]> {
  const { project, accepts = () => true } = wanted;
  const afterMs = wanted.after === undefined ? -Infinity : Date.parse(wanted.after);
  const prefix = pushesByDayPrefix(level);
  const end = prefix + dayOf(endMs);
  const window: ListedPush[] = [];
  for await (const { key } of objects.list(prefix, { startAfter: prefix + dayOf(startMs) })) {
    if (key >= end) break;
    const push = parseDayKey(level, key.slice(prefix.length));
    if (!push || (project !== undefined && push.project !== project)) continue;
    if (Date.parse(push.received) <= afterMs) continue;
    if (accepts(push.pushId)) window.push({ pushId: push.pushId, received: push.received });
  }
  return window.reverse();
}

async function findOldestDay(objects: ObjectStore, prefix: string): Promise<string | undefined> {
  for await (const { key } of objects.list(prefix)) return key.slice(prefix.length).split('/')[0];
  return undefined;
}

function parseDayKey(level: Level, tail: string): (ListedPush & { readonly project: string }) | undefined {
  const entry = tail.split('/')[1] ?? '';
  const [project = '', revision = '', variant] = entry.slice(TIME_LENGTH + 1).split('~');
  if (!project || !revision) return undefined;
  const pushId = pushIdOf({ project, level, revision, variant });
  return { pushId, received: entry.slice(0, TIME_LENGTH), project };
}

function dayOf(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(0, 10);
}

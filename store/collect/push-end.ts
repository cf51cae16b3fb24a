import { z } from 'zod';
import { readUsable } from '../json-object.ts';
import { openPushesPrefix } from '../keys.ts';
import type { ObjectStore } from '../object-store.ts';
import type { ExpireOptions } from './expire.ts';

const timesSchema = z.looseObject({ received: z.string().optional(), resolved: z.string().optional() });

export interface PushEnd {
  readonly isOver: boolean;
  /** When its records say that it was received: not always the same when a push came again while an old one was removed. */
  readonly received: readonly string[];
}

/** Whether a push's life is over: that begins with its verdict. One that has none is `settle`'s to end. */
export async function findPushEnd(
  objects: ObjectStore,
  directory: string,
  { level, nowMs, lifeMs, signal }: Pick<ExpireOptions, 'level' | 'nowMs' | 'lifeMs' | 'signal'>,
): Promise<PushEnd> {
  if (await isOpen(objects, directory, { level, signal })) return { isOver: false, received: [] };
  const [status, push] = await Promise.all(
    ['status', 'push'].map((part) => readTimes(objects, `${directory}${part}.json`, signal)),
  );
  const received = new Set([status?.received, push?.received].filter((time) => time !== undefined));
  const ended = Date.parse(status?.resolved ?? '');
  const lastMs = Math.max(status?.writtenMs ?? 0, push?.writtenMs ?? 0);
  return { isOver: (Number.isNaN(ended) ? lastMs : ended) + lifeMs < nowMs, received: [...received] };
}

/** Whether it stands on the list of pushes without a verdict. */
export async function isOpen(
  objects: ObjectStore,
  directory: string,
  { level, signal }: Pick<ExpireOptions, 'level' | 'signal'>,
): Promise<boolean> {
  const [project, revision] = directory.split('/').slice(2);
  return (await objects.head(`${openPushesPrefix(level)}${project}~${revision}`, signal)) !== undefined;
}

async function readTimes(
  objects: ObjectStore,
  key: string,
  signal: AbortSignal,
): Promise<(z.infer<typeof timesSchema> & { readonly writtenMs: number }) | undefined> {
  const info = await objects.head(key, signal);
  if (!info) return undefined;
  return { ...(await readUsable(objects, key, timesSchema))?.value, writtenMs: info.lastModified.getTime() };
}

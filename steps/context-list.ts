import { buffer } from 'node:stream/consumers';
import { Readable } from 'node:stream';
import { CONTEXT_LIST } from '../model/pure/artifact-names.ts';
import type { ContextList } from '../model/schema/explanation.ts';
import { contextListSchema } from '../model/schema/explanation.ts';
import type { IndexEntry } from '../model/schema/records.ts';
import type { Store } from '../store/store.ts';

/**
 * What an image of the index was built from; undefined when that was not kept, is gone or damaged, or is not to be read by our
 * keys: an explanation that is short never keeps a push from being planned.
 */
export async function readContextList(
  { artifacts }: Pick<Store, 'artifacts'>,
  { taskId, run }: Pick<IndexEntry, 'taskId' | 'run'>,
): Promise<ContextList | undefined> {
  try {
    if (!(await artifacts.find(taskId, run, CONTEXT_LIST))) return undefined;
    const body = await buffer(await artifacts.read(taskId, run, CONTEXT_LIST));
    return contextListSchema.parse(JSON.parse(body.toString('utf8')));
  } catch {
    return undefined;
  }
}

/** Keeps the list beside the log of the build. Safe to repeat: a run is of one content, so the list that is there counts. */
export async function writeContextList(
  { artifacts }: Pick<Store, 'artifacts'>,
  { taskId, run }: Pick<IndexEntry, 'taskId' | 'run'>,
  list: ContextList,
  signal: AbortSignal,
): Promise<void> {
  if (await artifacts.find(taskId, run, CONTEXT_LIST)) return;
  // JSON.stringify escapes the lone surrogates that stand for odd bytes in names, so they survive UTF-8.
  await artifacts.write(
    taskId,
    run,
    CONTEXT_LIST,
    Readable.from([Buffer.from(JSON.stringify(list), 'utf8')]),
    {
      contentType: 'application/json',
      signal,
    },
  );
}

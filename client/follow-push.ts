import { setTimeout as delay } from 'node:timers/promises';
import { NotFound } from '../model/errors.ts';
import { isResolved } from '../model/pure/states.ts';
import type { PushDocument } from '../model/schema/records.ts';
import { startStopwatch } from '../model/stopwatch.ts';
import type { OnAway } from './api.ts';
import type { FindPushDeps } from './find-push.ts';
import { findStartedPush, hasComeToItsEnd } from './find-push.ts';
import { isAway } from './is-away.ts';

/** A follower looks for changes this often … */
const FOLLOW_POLL_MS = 300;

/** … and rests for so many times as long as a look took, which for thousands of tasks is long. */
const REST = 3;

/**
 * The document of a push whenever it changed, the last one with its verdict. A store or a server that is away is waited for; after that
 * the document comes once more. @throws {NotFound} when nobody will ever tell of it.
 */
export async function* followPush(
  known: FindPushDeps,
  pushId: string,
  signal: AbortSignal,
  onAway?: OnAway,
): AsyncIterable<PushDocument> {
  let shown = '';
  for (;;) {
    signal.throwIfAborted();
    const took = startStopwatch();
    const document = await findExpected(known, pushId).catch((error: unknown) => {
      if (!isAway(error)) throw error;
      onAway?.(error);
      return undefined;
    });
    const text = JSON.stringify(document);
    if (document && text !== shown) yield document;
    shown = text;
    if (document && isResolved(document.state)) return;
    await delay(Math.max(FOLLOW_POLL_MS, REST * took()), undefined, { signal });
  }
}

/** Undefined of one that was ended from outside before it had a record: it is given one soon. */
async function findExpected(known: FindPushDeps, pushId: string): Promise<PushDocument | undefined> {
  const document = await findStartedPush(known, pushId);
  // In this order: what comes to its end has its record before.
  if (document || !(await hasComeToItsEnd(known, pushId))) return document;
  if (await known.store.pushes.find(pushId)) return undefined;
  throw new NotFound(
    `Push ${pushId} has ended, and its records are gone; pushed again it is carried out anew`,
  );
}

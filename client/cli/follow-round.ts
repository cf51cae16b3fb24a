import { setTimeout as delay } from 'node:timers/promises';
import { isSlipwayError } from '../../model/errors.ts';
import type { PushDocument } from '../../model/schema/records.ts';
import type { OnAway, SlipwayApi } from '../api.ts';

export interface FollowedRound {
  /** The round that was asked for: documents of earlier ones are passed over for as long as the push's workflow runs. */
  readonly round?: number | undefined;
  /** When a round was asked for whose number is not known: a verdict from before is passed over for a while. */
  readonly since?: number | undefined;
}

export interface FollowRoundOptions extends FollowedRound {
  readonly signal: AbortSignal;
  /** Told of each document that is passed over. */
  readonly onEarlier?: (document: PushDocument) => void;
  readonly onAway?: OnAway;
}

/** A round that is asked for mostly begins sooner than this; where its number is not known, the record is believed then. */
const NEW_ROUND_WITHIN_MS = 30_000;
const LOOK_AGAIN_MS = 200;

/** The documents of a round of a push, whenever they change, the last one with its verdict. */
export async function* followRound(
  api: Pick<SlipwayApi, 'follow' | 'isRunning'>,
  pushId: string,
  { round, since, signal, onEarlier, onAway }: FollowRoundOptions,
): AsyncIterable<PushDocument> {
  const isEarlier = (document: PushDocument): boolean =>
    round === undefined ? isFromBefore(document, since) : (document.round ?? 1) < round;
  for (let isOver = false; ;) {
    let isPassed = false;
    for await (const document of api.follow(pushId, signal, onAway)) {
      isPassed = !isOver && isEarlier(document);
      if (isPassed) onEarlier?.(document);
      else yield document;
    }
    if (!isPassed) return;
    await delay(LOOK_AGAIN_MS, undefined, { signal });
    // Asked before the next look: what is read once its workflow has ended is all that there will be of the round.
    isOver = round !== undefined && !(await api.isRunning(pushId).catch(whileAway));
  }
}

function isFromBefore({ resolved }: PushDocument, since: number | undefined): boolean {
  if (since === undefined || resolved === undefined) return false;
  return Date.parse(resolved) < since && Date.now() - since < NEW_ROUND_WITHIN_MS;
}

function whileAway(error: unknown): true {
  if (!isSlipwayError(error) || error.type !== 'TemporalUnavailable') throw error;
  return true;
}

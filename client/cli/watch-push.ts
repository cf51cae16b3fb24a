import { setTimeout as delay } from 'node:timers/promises';
import { isResolved } from '../../model/pure/states.ts';
import type { PushDocument } from '../../model/schema/records.ts';
import { InternalError } from '../../model/errors.ts';
import type { SlipwayApi } from '../api.ts';
import type { ExitCode } from './exit-codes.ts';
import { EXIT } from './exit-codes.ts';
import { findTrouble } from './find-trouble.ts';
import { findHeldUp, findWaits, queuesOf, waitText } from './find-waits.ts';
import { pushChanges, pushStanding } from './render/push-changes.ts';
import { renderPush } from './render/push-text.ts';
import { formatDuration } from './render/quantities.ts';
import type { Session } from './session.ts';

export interface WatchOptions {
  readonly json: boolean;
  /** A verdict from before this time belongs to an earlier round of the push. */
  readonly since?: number | undefined;
  /** How often it is asked what holds up tasks that are pending. */
  readonly lookEveryMs?: number;
}

const LOOK_EVERY_MS = 10_000;
const LOG_LINES = 50;
const EXPLAINED = 10;
/** A round that is asked for begins sooner than this; then whatever the record says is believed. */
const NEW_ROUND_WITHIN_MS = 30_000;

/** Shows a push until its verdict, line by line as things happen, and gives the exit code that the verdict stands for. */
export async function watchPush(
  api: SlipwayApi,
  pushId: string,
  {
    json,
    since,
    terminal,
    signal,
    lookEveryMs = LOOK_EVERY_MS,
  }: WatchOptions & Pick<Session, 'terminal' | 'signal'>,
): Promise<ExitCode> {
  const began = Date.now();
  // In a document for programs nothing else belongs on stdout.
  const say = json ? (line: string) => terminal.isInteractive && terminal.note(line) : terminal.print;
  let before: PushDocument | undefined;
  const asked = new Set<string>();
  const told = new Set<string>();
  const look = async (): Promise<void> => {
    if (!before || terminal.isQuiet || isResolved(before.state)) return;
    for (const [label, lacking] of await findHeldUp(api, before)) {
      if (!told.has(label))
        say(`${formatDuration(Date.now() - began).padStart(11)}  ${label} waits: ${lacking}`);
      told.add(label);
    }
  };
  // Nothing changes in a push while its tasks are refused.
  const looking = setInterval(() => void look(), lookEveryMs);
  try {
    for await (const document of followRound(api, pushId, { since, signal })) {
      const elapsed = formatDuration(Date.now() - began).padStart(11);
      if (!terminal.isQuiet) for (const line of pushChanges(before, document)) say(`${elapsed}  ${line}`);
      const waits = await findWaits(api, document, asked);
      for (const queue of queuesOf(document)) asked.add(queue);
      if (!terminal.isQuiet)
        for (const queue of waits)
          say(`${elapsed}  ${waitText(queue)}, so that it waits; what runs: slipway doctor`);
      terminal.status(isResolved(document.state) ? '' : `${elapsed}  ${pushStanding(document)}`);
      before = document;
    }
  } catch (error) {
    if (signal.aborted) terminal.note(`The push goes on; to see it again: slipway watch ${pushId}`);
    throw error;
  } finally {
    clearInterval(looking);
  }
  if (!before) throw new InternalError(`${pushId} has no record`);
  await showVerdict(api, before, { json, since, terminal, signal });
  return exitCodeOf(before);
}

/** 0 for a push that completed, 2 for one that could not be read, 1 for every other verdict. */
export function exitCodeOf(document: PushDocument): ExitCode {
  if (document.reason === 'malformed-plan') return EXIT.usage;
  if (document.state !== 'completed') return EXIT.unsuccessful;
  // Completed without a plan: there was no slipway.yml. Nobody asks for a push of nothing on purpose.
  return document.decisionMs === undefined ? EXIT.usage : EXIT.good;
}

async function* followRound(
  api: SlipwayApi,
  pushId: string,
  { since, signal }: { readonly since: number | undefined; readonly signal: AbortSignal },
): AsyncIterable<PushDocument> {
  const isOld = ({ resolved }: PushDocument): boolean =>
    since !== undefined &&
    resolved !== undefined &&
    Date.parse(resolved) < since &&
    Date.now() - since < NEW_ROUND_WITHIN_MS;
  for (;;) {
    let last: PushDocument | undefined;
    for await (const document of api.follow(pushId, signal)) {
      last = document;
      if (!isOld(document)) yield document;
    }
    if (!last || !isOld(last)) return;
    await delay(200, undefined, { signal });
  }
}

async function showVerdict(
  api: SlipwayApi,
  document: PushDocument,
  { json, since, terminal, signal }: WatchOptions & Pick<Session, 'terminal' | 'signal'>,
): Promise<void> {
  if (json) {
    terminal.print(JSON.stringify(document));
    return;
  }
  const trouble = await findTrouble(api, document, { lines: LOG_LINES, limit: EXPLAINED, signal });
  const url = api.uiLink(document.id);
  terminal.print('');
  for (const line of renderPush(document, {
    paint: terminal.paint,
    nowMs: Date.now(),
    roundAskedMs: since,
    url,
    trouble,
  }))
    terminal.print(line);
}

import type { StartedPush } from './api.ts';

/**
 * What is to be known about a push whose tasks were decided for another ref than the one that was pushed now: nothing otherwise.
 *
 * @param again how its reader asks for a new round.
 */
export function describeOtherRef({ outcome, decidedFor }: StartedPush, ref: string, again: string): string[] {
  if (decidedFor === undefined) return [];
  const [first, now] = [decidedFor, ref].map((name) => name.replace('refs/heads/', ''));
  const when = outcome === 'joined' ? 'once it is resolved, ' : '';
  return [
    `this revision was pushed as ${first}: for ${now} its tasks are not decided anew; ${when}${again} does that`,
  ];
}

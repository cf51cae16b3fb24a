import { NotFound } from '../model/errors.ts';
import { Nearest } from '../model/nearest.ts';
import type { PushDocument } from '../model/schema/records.ts';
import type { Store } from '../store/store.ts';
import { awaitsDecision, wasRefused } from './describe-decision.ts';
import { NotPlanned } from './not-planned.ts';

/** What a push has not: the task of a label, the image of a name, or any image at all. */
export type Lacking = { readonly label: string } | { readonly image: string | undefined };

/** In words, that a decided push has not what somebody names, and why, or what might have been meant. */
export function describeLack(document: PushDocument, lacking: Lacking): string {
  const { id, reason, images, tasks } = document;
  const lack = `Push ${id} ${lackText(lacking)}`;
  if (wasRefused(document)) {
    const end = reason === 'malformed-plan' ? 'was refused' : `ended without a plan (${reason ?? ''})`;
    return `${lack}: it ${end}, and slipway status ${id} says why`;
  }
  const isTask = 'label' in lacking;
  const named = isTask ? lacking.label : lacking.image;
  if (named === undefined) return lack;
  const known = isTask ? tasks.map(({ label }) => label) : images.map(({ name }) => name);
  const hint = new Nearest().hint(named, new Set(known));
  return hint === undefined ? lack : `${lack}; ${hint}`;
}

/** The error for an image that a push has not, or for any: {@link NotPlanned} where it may still have it. */
export async function lackOfImage(
  { pushes }: Pick<Store, 'pushes'>,
  pushId: string,
  image?: string,
): Promise<NotFound> {
  const status = await pushes.findStatus(pushId);
  if (!status || awaitsDecision(status)) return new NotPlanned(pushId);
  return new NotFound(describeLack(status, { image }));
}

function lackText(lacking: Lacking): string {
  if ('label' in lacking) return `has no task "${lacking.label}"`;
  return lacking.image === undefined ? 'needs no image' : `needs no image "${lacking.image}"`;
}

import { ApplicationFailure, CancellationScope } from '@temporalio/workflow';
import type { ImportBaseInput, RenewBaseInput, RenewedBase } from '../model/pure/base-payloads.ts';
import { platformBaseKey, renewalKey } from '../model/pure/base-payloads.ts';
import type { Level } from '../model/pure/ids.ts';
import type { PlannedPush, PushInput } from '../model/pure/payloads.ts';
import { builderActivities, planActivities } from './activity-proxies.ts';
import { inShort } from './current-details.ts';
import { failureDetail } from './failures.ts';

/** A chain of images, each older than it may be, takes a round for each. */
const MAX_ROUNDS = 12;

/** What has been settled about bases for one push. */
export class SettledBases {
  readonly unavailableBases: Record<string, string> = {};
  readonly troubledBases: string[] = [];
  readonly renewedBases: Record<string, RenewedBase> = {};
}

/** Plans; brings bases that have no record into the store and plans again, so that hashes are known. `tell` hears what it does. */
export async function planWithBases(
  input: PushInput,
  pushId: string,
  {
    bases,
    tell,
    decided,
  }: { readonly bases: SettledBases; readonly tell: (doing: string) => void; readonly decided?: true },
): Promise<Exclude<PlannedPush, { outcome: 'bases-missing' }>> {
  const { level } = input;
  const { unavailableBases, troubledBases, renewedBases } = bases;
  // Each round settles every base it names. What a renewed one makes of the hashes may name others, of images further up.
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const renewed = Object.keys(renewedBases).length > 0 ? { renewedBases } : {};
    const replanned = round > 0 || decided ? { replanned: true as const } : {};
    tell('Being planned');
    const plan = await planActivities(level).planPush({
      push: input,
      pushId,
      unavailableBases,
      ...(troubledBases.length > 0 ? { troubledBases } : {}),
      ...renewed,
      ...replanned,
      ...(decided ? { decided } : {}),
    });
    if (plan.outcome !== 'bases-missing') return plan;
    const references = [...(plan.renew ?? []), ...plan.bases].map((base) =>
      typeof base === 'string' ? base : base.reference,
    );
    tell(`Waiting for base images: ${inShort([...new Set(references)])}`);
    await Promise.all(
      (plan.renew ?? []).map(async (base) => {
        renewedBases[renewalKey(base)] = await renew(level, { ...base, domain: plan.domain });
      }),
    );
    const answers = await Promise.all(
      plan.bases.map(async (named) => {
        const base = typeof named === 'string' ? { platform: plan.platform ?? '', reference: named } : named;
        return [platformBaseKey(base), await bringBase({ level, domain: plan.domain, ...base })] as const;
      }),
    );
    for (const [base, { unavailable, isTroubled }] of answers) {
      if (unavailable) unavailableBases[base] = unavailable;
      if (isTroubled) troubledBases.push(base);
    }
  }
  throw ApplicationFailure.nonRetryable('Bases that were brought into the store are not found there');
}

/** A base that cannot be resolved anew is what it was. */
async function renew(level: Level, base: Omit<RenewBaseInput, 'level'>): Promise<RenewedBase> {
  try {
    return await builderActivities(level, `resolve base ${base.reference}`).renewBase({ ...base, level });
  } catch (error) {
    if (CancellationScope.current().consideredCancelled) throw error;
    return { unavailable: failureDetail(error) };
  }
}

/**
 * Gives the reason when the base cannot be had: only the images that need it fail, and the rest goes on. What registry or engine say
 * of it is an answer; whatever is thrown is trouble of ours.
 */
async function bringBase(
  base: ImportBaseInput,
): Promise<{ readonly unavailable?: string; readonly isTroubled?: true }> {
  try {
    return await builderActivities(base.level, `import base ${base.reference}`).importBase(base);
  } catch (error) {
    if (CancellationScope.current().consideredCancelled) throw error;
    return { unavailable: failureDetail(error), isTroubled: true };
  }
}

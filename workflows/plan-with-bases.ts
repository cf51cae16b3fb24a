import { ApplicationFailure, CancellationScope } from '@temporalio/workflow';
import type { RenewBaseInput, RenewedBase } from '../model/pure/base-payloads.ts';
import { renewalKey } from '../model/pure/base-payloads.ts';
import type { Level } from '../model/pure/ids.ts';
import type { PlannedPush, PushInput } from '../model/pure/payloads.ts';
import { builderActivities, controlActivities } from './activity-proxies.ts';
import { failureDetail } from './failures.ts';

/** A chain of images, each older than it may be, takes a round for each. */
const MAX_ROUNDS = 12;

/** What has been settled about bases for one push. */
export class SettledBases {
  readonly unavailableBases: Record<string, string> = {};
  readonly renewedBases: Record<string, RenewedBase> = {};
}

/** Plans; brings bases that have no record into the store and plans again, so that hashes are known. */
export async function planWithBases(
  input: PushInput,
  pushId: string,
  { bases, decided }: { readonly bases: SettledBases; readonly decided?: true },
): Promise<Exclude<PlannedPush, { outcome: 'bases-missing' }>> {
  const control = controlActivities(input.level);
  const { unavailableBases, renewedBases } = bases;
  // Each round settles every base it names. What a renewed one makes of the hashes may name others, of images further up.
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const renewed = Object.keys(renewedBases).length > 0 ? { renewedBases } : {};
    const plan = await control.planPush({
      push: input,
      pushId,
      unavailableBases,
      ...renewed,
      ...(decided ? { decided } : {}),
    });
    if (plan.outcome !== 'bases-missing') return plan;
    await Promise.all(
      (plan.renew ?? []).map(async (base) => {
        renewedBases[renewalKey(base)] = await renew(input.level, { ...base, domain: plan.domain });
      }),
    );
    const answers = await Promise.all(
      plan.bases.map(
        async (reference) => [reference, await bringBase(input.level, plan, reference)] as const,
      ),
    );
    for (const [reference, unavailable] of answers)
      if (unavailable) unavailableBases[reference] = unavailable;
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

/** Gives the reason when the base cannot be had: only the images that need it fail, and the rest goes on. */
async function bringBase(
  level: Level,
  { domain, platform }: { readonly domain: string; readonly platform: string },
  reference: string,
): Promise<string | undefined> {
  try {
    const builder = builderActivities(level, `import base ${reference}`);
    return (await builder.importBase({ domain, level, platform, reference })).unavailable;
  } catch (error) {
    if (CancellationScope.current().consideredCancelled) throw error;
    return failureDetail(error);
  }
}

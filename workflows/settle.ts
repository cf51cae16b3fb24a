import { log } from '@temporalio/workflow';
import type { SettleInput, Settled } from '../model/pure/settle-payloads.ts';
import { settleActivities } from './activity-proxies.ts';
import { failureDetail } from './failures.ts';

/**
 * One look for what ended without a word: terminated in the Temporal UI, timed out, deleted. Started by the schedule of
 * its level; leaves records and tells who waits. Never fails: the next look comes soon.
 */
export async function settle({ level }: SettleInput): Promise<Settled | { readonly trouble: string }> {
  try {
    return await settleActivities(level).settle({ level });
  } catch (error) {
    const trouble = failureDetail(error);
    log.warn('This look did not come to its end', { trouble });
    return { trouble };
  }
}

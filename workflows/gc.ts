import { log } from '@temporalio/workflow';
import type { CollectInput, CollectionReport } from '../model/schema/collection.ts';
import { collectActivities } from './activity-proxies.ts';
import { failureDetail } from './failures.ts';

/**
 * One collection of what nobody uses any more. Started by the schedule of its level; its result says what was kept and freed.
 * Never fails: the next one does the rest.
 */
export async function gc(input: CollectInput): Promise<CollectionReport | { readonly trouble: string }> {
  try {
    return await collectActivities(input.level).collect(input);
  } catch (error) {
    const trouble = failureDetail(error);
    log.warn('This collection did not come to its end', { trouble });
    return { trouble };
  }
}

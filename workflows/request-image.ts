import {
  CancellationScope,
  condition,
  getExternalWorkflowHandle,
  log,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { levelOf } from '../model/pure/ids.ts';
import type { ImageResolved } from '../model/pure/payloads.ts';
import { controlActivities } from './activity-proxies.ts';
import { imageResolvedSignal, unwantImageSignal } from './messages.ts';

export interface WantedImage {
  readonly taskId: string;
  readonly name: string;
  /** The push whose plan describes it. */
  readonly pushId: string;
  readonly plannedAt: string;
  readonly force?: boolean;
}

/** Asks for an image that lies at this workflow's level and waits for its end; a cancel takes the request back. */
export async function requestImage(wanted: WantedImage): Promise<ImageResolved> {
  const { taskId, name, pushId, plannedAt, force = false } = wanted;
  const requester = workflowInfo().workflowId;
  let resolved: ImageResolved | undefined;
  setHandler(imageResolvedSignal, (told) => {
    if (told.taskId === taskId) resolved = told;
  });
  try {
    await controlActivities(levelOf(requester)).requestImages({
      requester,
      pushId,
      plannedAt,
      images: [{ taskId, name, force }],
    });
    await condition(() => resolved !== undefined);
  } catch (error) {
    await CancellationScope.nonCancellable(() => takeBack(taskId, requester));
    throw error;
  }
  return resolved ?? { taskId, reason: 'internal-error', bytesUploaded: 0 };
}

async function takeBack(taskId: string, requester: string): Promise<void> {
  await getExternalWorkflowHandle(taskId)
    .signal(unwantImageSignal, { requester })
    .catch(() => log.info('The image is resolved already', { taskId }));
}

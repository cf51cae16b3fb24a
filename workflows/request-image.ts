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
import { imageResolvedSignal, openWorkQuery, unwantImageSignal } from './messages.ts';

/** A request that is repeated joins the build that runs. */
const ASK_AGAIN_AFTER = '5m';

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
  let waits = true;
  setHandler(openWorkQuery, () => ({
    pushId,
    plannedAt,
    tasks: [],
    images: waits ? [{ taskId, name }] : [],
  }));
  setHandler(imageResolvedSignal, (told) => {
    if (told.taskId === taskId) resolved = told;
  });
  try {
    do {
      const images = [{ taskId, name, force, ...ownPriority() }];
      await controlActivities(levelOf(requester)).requestImages({ requester, pushId, plannedAt, images });
      // Asked again, since an image workflow that somebody ended by hand tells nobody.
    } while (!(await condition(() => resolved !== undefined, ASK_AGAIN_AFTER)));
  } catch (error) {
    await CancellationScope.nonCancellable(() => takeBack(taskId, requester));
    throw error;
  } finally {
    waits = false;
  }
  return resolved ?? { taskId, reason: 'internal-error', bytesUploaded: 0 };
}

/** Whoever waits for it is a task, or an image that tasks wait for. The server's default is 0, or nothing. */
function ownPriority(): { readonly priority?: number } {
  const { priorityKey = 0 } = workflowInfo().priority ?? {};
  return priorityKey > 0 ? { priority: priorityKey } : {};
}

async function takeBack(taskId: string, requester: string): Promise<void> {
  await getExternalWorkflowHandle(taskId)
    .signal(unwantImageSignal, { requester })
    .catch(() => log.info('The image is resolved already', { taskId }));
}

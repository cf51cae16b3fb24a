import type { Client } from '@temporalio/client';
import { levelOf, parseId, queueName } from '../model/pure/ids.ts';
import type { ImageInput, RequestImagesInput } from '../model/pure/payloads.ts';
import { SLIPWAY_IMAGE, SLIPWAY_LEVEL } from '../model/pure/search-attributes.ts';

/**
 * Signal-with-start, since workflows can't: a duplicate request joins the build that runs. (Update-with-start gave
 * several builds under load.)
 */
export async function requestImages(
  client: Client,
  { requester, pushId, plannedAt, images }: RequestImagesInput,
): Promise<void> {
  await Promise.all(
    images.map(({ taskId, name, force }) => {
      const input: ImageInput = { taskId, name, pushId, plannedAt };
      return client.workflow.signalWithStart('image', {
        workflowId: taskId,
        taskQueue: queueName('control', levelOf(taskId)),
        args: [input],
        signal: 'wantImage',
        signalArgs: [{ requester, force }],
        workflowIdReusePolicy: 'ALLOW_DUPLICATE',
        workflowIdConflictPolicy: 'USE_EXISTING',
        staticSummary: `build ${name} ${imageHashOf(taskId).slice(0, 12)}`,
        typedSearchAttributes: [
          { key: SLIPWAY_IMAGE, value: name },
          { key: SLIPWAY_LEVEL, value: levelOf(taskId) },
        ],
      });
    }),
  );
}

function imageHashOf(taskId: string): string {
  const id = parseId(taskId);
  return id?.kind === 'image' ? id.imageHash : taskId;
}

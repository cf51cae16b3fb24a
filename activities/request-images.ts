import type { Client } from '@temporalio/client';
import { InternalError } from '../model/errors.ts';
import { levelOf, parseId, queueName } from '../model/pure/ids.ts';
import { taskMemo } from '../model/pure/memos.ts';
import type { RequestImagesInput } from '../model/pure/asked-image.ts';
import type { ImageInput } from '../model/pure/payloads.ts';
import { SLIPWAY_IMAGE, SLIPWAY_LEVEL } from '../model/pure/search-attributes.ts';

/**
 * Signal-with-start, since workflows can't: a duplicate request joins the build that runs. (Update-with-start gave
 * several builds under load.)
 *
 * An image has one workflow, whoever wants it, and so the priority and the project of the request that started it: the server gives
 * them to its build. A request that joins changes neither.
 */
export async function requestImages(
  client: Client,
  { requester, pushId, plannedAt, images }: RequestImagesInput,
): Promise<void> {
  const level = levelOf(requester);
  const fairness = fairnessOf(pushId);
  await Promise.all(
    images.map(({ taskId, name, force, priority }) => {
      // Levels meet only by reading the store.
      if (levelOf(taskId) !== level)
        throw new InternalError(`${requester} may not ask for ${taskId}, which is of another level`);
      const input: ImageInput = { taskId, name, pushId, plannedAt };
      return client.workflow.signalWithStart('image', {
        workflowId: taskId,
        taskQueue: queueName('control', level),
        args: [input],
        signal: 'wantImage',
        signalArgs: [{ requester, force }],
        workflowIdReusePolicy: 'ALLOW_DUPLICATE',
        workflowIdConflictPolicy: 'USE_EXISTING',
        priority: { priorityKey: priority, ...fairness },
        memo: taskMemo(taskId, pushId),
        staticDetails: `Image \`${name}\` of the content \`${imageHashOf(taskId)}\`, as \`${pushId}\` wanted it first`,
        staticSummary: `build ${name} ${imageHashOf(taskId).slice(0, 12)}`,
        typedSearchAttributes: [
          { key: SLIPWAY_IMAGE, value: name },
          { key: SLIPWAY_LEVEL, value: level },
        ],
      });
    }),
  );
}

/** Projects take turns at builders, as they do at runners. */
function fairnessOf(pushId: string): { readonly fairnessKey?: string } {
  const id = parseId(pushId);
  return id?.kind === 'push' ? { fairnessKey: id.project } : {};
}

function imageHashOf(taskId: string): string {
  const id = parseId(taskId);
  return id?.kind === 'image' ? id.imageHash : taskId;
}

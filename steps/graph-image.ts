import { withoutLayers } from '../model/pure/image-digests.ts';
import type { GraphImage } from '../model/pure/payloads.ts';
import type { PlannedImage } from '../model/schema/plan.ts';

/** What a push's workflow has to know of an image that its plan needs. */
export function graphImage(image: PlannedImage): GraphImage {
  return {
    name: image.name,
    taskId: image.taskId,
    ...actionOf(image),
    ...(image.stored ? { stored: withoutLayers(image.stored) } : {}),
    ...(image.parent === null ? {} : { parent: image.parent }),
    ...(image.unavailable === undefined ? {} : { unavailable: image.unavailable }),
    ...(image.troubled ? { troubled: true as const } : {}),
    ...(image.culprit === undefined ? {} : { culprit: image.culprit }),
    force: image.force ?? false,
  };
}

/** What nobody needs is left as it is, and the record says so. */
function actionOf({ name, action }: PlannedImage): Pick<GraphImage, 'action' | 'before'> {
  if (action === 'not-needed')
    return { action: 'keep', before: { name, outcome: 'not-needed', bytesUploaded: 0 } };
  return { action: action === 'reuse' ? 'reuse' : 'build' };
}

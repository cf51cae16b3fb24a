import type { GraphImage } from '../model/pure/payloads.ts';
import type { PlannedImage } from '../model/schema/plan.ts';

/** What a push's workflow has to know of an image that its plan needs. */
export function graphImage(image: PlannedImage): GraphImage {
  return {
    name: image.name,
    taskId: image.taskId,
    action: image.action === 'reuse' ? 'reuse' : 'build',
    ...(image.stored ? { stored: image.stored } : {}),
    ...(image.parent === null ? {} : { parent: image.parent }),
    ...(image.unavailable === undefined ? {} : { unavailable: image.unavailable }),
    ...(image.culprit === undefined ? {} : { culprit: image.culprit }),
    force: image.force ?? false,
  };
}

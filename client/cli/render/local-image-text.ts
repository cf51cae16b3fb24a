import type { LocalImage } from '../../../steps/build-locally.ts';
import { formatBytes, formatDuration } from './quantities.ts';

/** An image that the engine has now, for people: what was done, and its hashes. */
export function describeLocalImage(
  image: LocalImage,
  { worktree }: { readonly worktree: boolean },
): readonly string[] {
  const { name, contextHash, imageHash } = image;
  const of = worktree ? ' (of the working tree; not published)' : '';
  return [
    `${name}: ${outcomeOf(image)}`,
    `  contextHash ${contextHash}${of}`,
    `  imageHash   ${imageHash === null ? 'not known: a base has no record' : `${imageHash}${of}`}`,
  ];
}

function outcomeOf({ outcome, bytesLoaded, steps, cachedSteps, buildMs, taskId }: LocalImage): string {
  switch (outcome) {
    case 'present':
      return 'was there, nothing moved';
    case 'loaded':
      return `loaded, ${formatBytes(bytesLoaded)} fetched${taskId === undefined ? '' : `; built by ${taskId}`}`;
    case 'built':
      return `built in ${formatDuration(buildMs)}, ${cachedSteps} of ${steps} steps from the cache`;
  }
}

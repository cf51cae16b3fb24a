import { createHash } from 'node:crypto';
import type { RunInput } from '../model/pure/payloads.ts';

/** By this an image is held in the engine from its load until the run has a container of it; the same in every attempt. */
export function holdOfRun({ task, run }: RunInput): string {
  return createHash('sha256').update(`${task.taskId} ${run}`).digest('hex').slice(0, 16);
}

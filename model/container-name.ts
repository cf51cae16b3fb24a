import { createHash } from 'node:crypto';
import { parseId } from './pure/ids.ts';

/**
 * The deterministic container name of one run of a task of one installation (`fleet`), also beside others in an engine that
 * carry out the same pushes: legible, unique, within what engines accept.
 */
export function containerName(fleet: string, taskId: string, run: number): string {
  const parsed = parseId(taskId);
  const label = parsed?.kind === 'task' ? parsed.label : (parsed?.kind ?? 'task');
  const legible = label.replaceAll(/[^A-Za-z0-9_.-]+/g, '-').slice(0, 40);
  const hash = createHash('sha256').update(`${fleet} ${taskId}`).digest('hex').slice(0, 16);
  return `slipway-${hash}-${run}-${legible}`;
}

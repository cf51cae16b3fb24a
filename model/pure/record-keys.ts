import { levelOf, storeKey } from './ids.ts';

/** Keys of records and runs, which people are told, too; `store/keys.ts` has the rest of the layout. */

export function pushKey(pushId: string, part: 'push' | 'plan' | 'status'): string {
  return `level-${levelOf(pushId)}/pushes/${storeKey(pushId)}/${part}.json`;
}

export function taskKey(taskId: string): string {
  return `level-${levelOf(taskId)}/tasks/${storeKey(taskId)}`;
}

/** What the runs of a task have left. */
export function runsPrefix(taskId: string): string {
  return `${taskKey(taskId)}/runs/`;
}

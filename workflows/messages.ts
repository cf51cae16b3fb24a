import { defineQuery, defineSignal } from '@temporalio/workflow';
import type { Rerun } from '../model/pure/rerun.ts';
import type { ImageResolved, TaskResolved } from '../model/pure/payloads.ts';
import type { OpenWork } from '../model/pure/settle-payloads.ts';

/** Asks an image workflow for its image; always sent as signal-with-start. `requester` is a workflow id, never a run id. */
export const wantImageSignal =
  defineSignal<[{ readonly requester: string; readonly force: boolean }]>('wantImage');

/** Takes a request back; the build is cancelled when nobody is left. */
export const unwantImageSignal = defineSignal<[{ readonly requester: string }]>('unwantImage');

/** Tells a requester how its image ended. May arrive twice. */
export const imageResolvedSignal = defineSignal<[ImageResolved]>('imageResolved');

/** Tells a push how one of its tasks ended. May arrive twice. */
export const taskResolvedSignal = defineSignal<[TaskResolved]>('taskResolved');

/** Asks a running push to run tasks again that have ended. */
export const rerunSignal = defineSignal<[Rerun]>('rerun');

/** Asks a running push to end some of its tasks as canceled, whether or not they have begun. */
export const cancelTasksSignal = defineSignal<[{ readonly labels: readonly string[] }]>('cancelTasks');

/** Tells a running push that a newer one takes its place. */
export const supersededSignal = defineSignal<[{ readonly by: string }]>('superseded');

/** Asks a push or image what it waits for, so that what will never report can be found. */
export const openWorkQuery = defineQuery<OpenWork>('openWork');

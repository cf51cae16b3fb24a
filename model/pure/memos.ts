import { LIVE_LOG } from './artifact-names.ts';
import { pushKey, runsPrefix } from './record-keys.ts';

/**
 * What the memo of a workflow says: the commands that show the page of its push and its log, and where in the store they lie.
 * Temporal shows it also of workflows that have ended, and while no worker is there.
 */
export type Memo = Readonly<Record<string, string>>;

export function pushMemo(pushId: string): Memo {
  return {
    page: `slipway status ${pushId}`,
    pageKey: pushKey(pushId, 'status'),
    log: `slipway logs LABEL --push ${pushId}`,
  };
}

/** Of a task, or of an image's own one, that a push asked for. */
export function taskMemo(taskId: string, pushId: string): Memo {
  return {
    page: `slipway status ${pushId}`,
    log: `slipway logs ${taskId}`,
    logKey: `${runsPrefix(taskId)}<run>/artifacts/${LIVE_LOG}`,
  };
}

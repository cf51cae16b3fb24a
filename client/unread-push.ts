import type { UnreadPush } from './api.ts';

/** Whether nobody here knows how a push of a list stands. */
export function isUnread<T extends object>(push: T | UnreadPush): push is UnreadPush {
  return 'damaged' in push || 'newer' in push;
}

/** What cannot be read of it, and what to do. */
export function whyUnread(push: UnreadPush): string {
  return 'damaged' in push ? push.damaged : push.newer;
}

import type { Level } from '../../model/pure/ids.ts';

/** Levels that `up` serves, each by one worker process. */
export const SERVED_LEVELS: readonly Level[] = [1, 3];

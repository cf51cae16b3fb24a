import type { Finding } from '../model/findings.ts';

/** What is said of a Dockerfile that can be hashed; lines are those of its expanded text, unless it says otherwise. */
export type Remark = Pick<Finding, 'severity' | 'line' | 'column' | 'message' | 'hint'>;

import { formatFinding } from '../model/findings.ts';
import type { Finding } from '../model/findings.ts';
import { DECISION_LABEL } from '../model/pure/decision.ts';
import { isResolved } from '../model/pure/states.ts';
import type { PushDocument } from '../model/schema/records.ts';

/** Whether a push is decided: its plan stands, or it ended without one. */
export function isDecided(document: PushDocument): boolean {
  return document.decisionMs !== undefined || isResolved(document.state);
}

/** Whether its decision program is still to say which tasks it has: until then it has that of the program alone. */
export function awaitsDecision({ state, tasks }: PushDocument): boolean {
  return !isResolved(state) && tasks.length > 0 && tasks.every(({ label }) => label === DECISION_LABEL);
}

/** It ended without a plan; or what its decision program printed has mistakes. */
export function wasRefused({ reason, resolved, decisionMs }: PushDocument): boolean {
  return reason === 'malformed-plan' || (resolved !== undefined && decisionMs === undefined);
}

/**
 * What was decided, in the lines that who pushes is shown: what is built and how many tasks run, or why nothing does.
 *
 * @param formatted a finding as its reader knows its place. Default: {@link formatFinding}.
 */
export function describeDecision(
  document: PushDocument,
  formatted: (finding: Finding) => string = formatFinding,
): string[] {
  const { state, reason, detail, findings, images, tasks, decisionMs } = document;
  if (reason === 'malformed-plan') {
    // Without a mistake in the tree it is a rerun that was refused.
    const isMistaken = findings.some(({ severity }) => severity === 'error');
    const lines = [...(isMistaken ? [] : [detail ?? '']), ...findings.map(formatted)];
    return ['nothing is run, there are mistakes:', ...lines.map((line) => `  ${line}`)];
  }
  if (isResolved(state) && decisionMs === undefined) return [detail ?? `${state}: ${reason ?? ''}`];
  const warnings = findings.map(formatted);
  const needed = images.filter(({ outcome }) => outcome !== 'not-needed');
  if (tasks.length === 0 && needed.length === 0) return [...warnings, 'no task is wanted'];
  const built = needed.filter(({ outcome }) => outcome !== 'reused').map(({ name }) => name);
  const reused = needed.filter(({ outcome }) => outcome === 'reused').map(({ name }) => name);
  const parts = [
    countTasks(tasks.length),
    built.length > 0 ? `to build: ${built.join(', ')}` : 'nothing to build',
    ...(reused.length > 0 ? [`known: ${reused.join(', ')}`] : []),
  ];
  return [...warnings, parts.join('; ')];
}

function countTasks(count: number): string {
  if (count === 0) return 'no task';
  return count === 1 ? '1 task' : `${count} tasks`;
}

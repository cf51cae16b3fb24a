import type { Finding } from '../../model/findings.ts';
import { formatFinding } from '../../model/findings.ts';

/** A finding as who typed `git push -o …` knows its place: the plan writes of the options that `slipway push` has. */
export function formatForHook(finding: Finding): string {
  const isOfTasks = finding.file === '--tasks';
  const isOfRebuild = finding.message.startsWith('--rebuild ');
  if (isOfTasks) return formatFinding({ ...finding, file: '-o tasks' });
  if (!isOfRebuild) return formatFinding(finding);
  const message = finding.message.replace(/^--rebuild/, '-o rebuild');
  return formatFinding({ ...finding, file: 'push options', message });
}

import { runCommand } from '../../stack/run-command.ts';

/** The command lines of all processes of this machine, one a line. */
export function runningProcesses(): Promise<string> {
  return runCommand(['ps', '-eo', 'args']);
}

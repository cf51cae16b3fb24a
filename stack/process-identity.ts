import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { runCommand } from './run-command.ts';

export const processIdentitySchema = z.object({
  pid: z.number().int().positive(),
  /** Tells a process from a later one that got the same pid. */
  started: z.string(),
});
export type ProcessIdentity = z.infer<typeof processIdentitySchema>;

/** Who a running process is; undefined when no such process runs (one that has ended but was not waited for counts as ended). */
export async function identifyProcess(pid: number): Promise<ProcessIdentity | undefined> {
  const started = process.platform === 'linux' ? await startedOnLinux(pid) : await startedByPs(pid);
  return started === undefined ? undefined : { pid, started };
}

/** Whether that very process still runs. */
export async function isRunning(identity: ProcessIdentity): Promise<boolean> {
  return (await identifyProcess(identity.pid))?.started === identity.started;
}

/** Start in clock ticks since boot, with the boot's own id, since ticks begin anew with each boot. */
async function startedOnLinux(pid: number): Promise<string | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may hold blanks and parentheses: the fields begin after the last one.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8');
    return `${boot.trim()}/${fields[19]}`;
  } catch {
    return undefined;
  }
}

async function startedByPs(pid: number): Promise<string | undefined> {
  const lines = await runCommand(['ps', '-o', 'lstart=', '-p', String(pid)]).catch(() => '');
  return lines.trim() || undefined;
}

import { endStack } from './end-stack.ts';
import type { StopReport } from './end-stack.ts';
import { kindOf } from './process-kind.ts';
import type { ProcessKind } from './process-kind.ts';
import { removeProcessRecords } from './process-records.ts';
import type { StackContext } from './stack-context.ts';
import { resignAsOwner } from './stack-owner.ts';

/** Ends a stack that this process started, whole or half, and gives the state directory free. */
export async function endContext(
  context: StackContext,
  engine: string | undefined,
): Promise<Omit<StopReport, 'purged'>> {
  const { paths, options, settings } = context;
  const report = await endStack(paths, {
    settings: settings.value,
    engine,
    env: options.env,
    endWorkers: () => endProcesses(context, 'worker'),
    endServices: () => endProcesses(context, 'service'),
  });
  for (const message of report.trouble)
    options.onProgress({ part: 'stack', state: 'failed', message, elapsedMs: 0 });
  await removeProcessRecords(paths.processes);
  await resignAsOwner(paths);
  return report;
}

async function endProcesses(context: StackContext, kind: ProcessKind): Promise<readonly string[]> {
  const ours = context.processes.filter(({ name }) => kindOf(name) === kind);
  await Promise.all(ours.map((supervised) => supervised.stop()));
  return ours.map(({ name }) => name);
}

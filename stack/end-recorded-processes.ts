import { endProcess } from './end-process.ts';
import { isRunning } from './process-identity.ts';
import { kindOf } from './process-kind.ts';
import type { ProcessKind } from './process-kind.ts';
import { readProcessRecords } from './process-records.ts';
import type { StatePaths } from './state-directory.ts';

const GRACE_MS = 30_000;

/** Ends the recorded processes of one kind; gives the names of those that ran. Safe to repeat. */
export async function endRecordedProcesses(paths: StatePaths, kind: ProcessKind): Promise<readonly string[]> {
  const records = await readProcessRecords(paths.processes);
  const ended = await Promise.all(
    records
      .filter((record) => kindOf(record.name) === kind)
      .map(async (record) => {
        const ran = await isRunning(record);
        await endProcess(record, GRACE_MS);
        return ran ? [record.name] : [];
      }),
  );
  return ended.flat();
}

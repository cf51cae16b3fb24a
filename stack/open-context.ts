import { choosePorts } from './choose-ports.ts';
import { ProcessRecords, removeProcessRecords } from './process-records.ts';
import { SettingsFile } from './settings.ts';
import type { StackContext } from './stack-context.ts';
import type { StackOptions } from './stack-options.ts';
import { becomeOwner, resignAsOwner } from './stack-owner.ts';
import { ensureStateDirectories, statePaths } from './state-directory.ts';
import { endRecordedProcesses } from './end-recorded-processes.ts';

/**
 * Takes the state directory for this process, ends what a killed predecessor left running, and chooses what is chosen
 * once. Containers go on: whoever works next adopts them. @throws {SetupFailed} while another process owns the stack.
 */
export async function openContext(options: StackOptions): Promise<StackContext> {
  const paths = statePaths(options.stateDirectory);
  await ensureStateDirectories(paths);
  await becomeOwner(paths);
  try {
    const ended = [
      ...(await endRecordedProcesses(paths, 'worker')),
      ...(await endRecordedProcesses(paths, 'service')),
    ];
    await removeProcessRecords(paths.processes);
    if (ended.length > 0) {
      const message = `ended what a killed predecessor left running: ${ended.join(', ')}`;
      options.onProgress({ part: 'stack', state: 'note', message, elapsedMs: 0 });
    }
    const settings = await SettingsFile.open(paths);
    const ports = await choosePorts(['temporal', 'temporalUi', 's3'], settings.value.ports);
    settings.update({ ports });
    return { options, paths, settings, ports, records: new ProcessRecords(paths.processes), processes: [] };
  } catch (error) {
    await resignAsOwner(paths);
    throw error;
  }
}

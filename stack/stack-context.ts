import type { SettingsFile } from './settings.ts';
import type { StatePaths } from './state-directory.ts';
import type { StackOptions } from './stack-options.ts';
import { supervise } from './supervise.ts';
import type { ProcessSpec, SupervisedProcess } from './supervise.ts';
import type { ProcessRecords } from './process-records.ts';

/** What the parts of one stack share while it starts and runs. */
export interface StackContext {
  readonly options: StackOptions;
  readonly paths: StatePaths;
  readonly settings: SettingsFile;
  readonly ports: Readonly<Record<'temporal' | 'temporalUi' | 's3', number>>;
  readonly records: ProcessRecords;
  /** Everything started so far, in the order of starting. */
  readonly processes: SupervisedProcess[];
}

/** Starts a process of the stack and remembers it, so that it is ended with the stack. */
export async function startProcess(context: StackContext, spec: ProcessSpec): Promise<SupervisedProcess> {
  const { paths, records, options } = context;
  options.signal.throwIfAborted();
  const supervised = await supervise(spec, { logs: paths.logs, records, onProgress: options.onProgress });
  context.processes.push(supervised);
  return supervised;
}

/** Ends one process for good and forgets it. */
export async function stopProcess(context: StackContext, supervised: SupervisedProcess): Promise<void> {
  await supervised.stop();
  const index = context.processes.indexOf(supervised);
  if (index >= 0) context.processes.splice(index, 1);
}

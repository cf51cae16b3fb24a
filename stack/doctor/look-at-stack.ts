import type { Diagnosis } from '../../model/schema/diagnosis.ts';
import { isRunning } from '../process-identity.ts';
import { readProcessRecords } from '../process-records.ts';
import { findOwner } from '../stack-owner.ts';
import type { StatePaths } from '../state-directory.ts';
import { Ailment, diagnosed } from './diagnosed.ts';

/**
 * Whether somebody runs the stack of a state directory. `parts`: an `up` got so far that they answered, and `recorded` them; or the
 * environment names them, which are `given`.
 */
export function lookAtStack(paths: StatePaths, parts: 'recorded' | 'given' | undefined): Promise<Diagnosis> {
  const todo = 'Type: slipway up (it cleans up first), or: slipway down';
  return diagnosed('stack', todo, async () => {
    const where = paths.root;
    const owner = await findOwner(paths);
    if (owner)
      return { where, message: `process ${owner.pid} ${parts === 'recorded' ? 'runs' : 'is starting'} it` };
    if (parts === 'given') return { message: 'none runs here; the environment names Temporal and the store' };
    if (parts === 'recorded')
      throw new Ailment('the process that ran it was killed; its parts may still run', todo, { where });
    return { where, message: 'does not run; to start it, type: slipway up' };
  });
}

/** Whether each process that the stack has started lives. */
export async function lookAtProcesses(paths: StatePaths): Promise<readonly Diagnosis[]> {
  const records = await readProcessRecords(paths.processes);
  return Promise.all(
    records.map((record) => {
      const where = `${paths.logs}/${record.name}.log`;
      const todo = `Look into ${where}; it is started again by itself while up runs`;
      return diagnosed(`process ${record.name}`, todo, async () => {
        if (!(await isRunning(record))) throw new Ailment(`process ${record.pid} has died`, todo, { where });
        return { where, message: `runs as process ${record.pid}` };
      });
    }),
  );
}

import type { Client } from '@temporalio/client';
import { queueName } from '../../../model/pure/ids.ts';
import type { Level } from '../../../model/pure/ids.ts';
import { namespaceOf } from '../../../model/schema/connections.ts';
import type { Connections } from '../../../model/schema/connections.ts';
import type { Diagnosis } from '../../../model/schema/diagnosis.ts';
import { diagnosed } from '../../../stack/doctor/diagnosed.ts';
import { pollersOf } from '../../pollers.ts';

const KINDS = ['control', 'builder', 'runner', 'runner-dind'] as const;
/** Of a Slipway that is no checkout, and so knows no version, the SDK says something of its own. */
const VERSION = /^[0-9a-f]{7,40}$/;

/**
 * Which Slipway each process runs that polls for a level: during an upgrade there are several. Nothing where nobody polls, which is told
 * of the queues. `time`: the server's clock, milliseconds since 1970.
 */
export async function lookAtWorkers(
  client: Pick<Client, 'workflowService'>,
  temporal: Connections['temporal'],
  { levels, time }: { readonly levels: readonly Level[]; readonly time: number },
): Promise<readonly Diagnosis[]> {
  const workers = new Map<string, string>();
  const diagnosis = await diagnosed('workers', 'Look into the pages of Temporal', async () => {
    const queues = levels.flatMap((level) =>
      KINDS.map((kind) => ({
        namespace: namespaceOf(temporal, level),
        name: queueName(kind, level),
        type: 'activities' as const,
      })),
    );
    const polling = await Promise.all(queues.map((queue) => pollersOf(client, queue, time)));
    for (const { identity, buildId } of polling.flat())
      workers.set(identity, VERSION.test(buildId) ? buildId : 'of an unknown version');
    const versions = [...new Set(workers.values())].sort();
    return { message: versions.map((version) => `${version}: ${namesOf(version)}`).join('; ') };
  });
  return diagnosis.ok && workers.size === 0 ? [] : [diagnosis];

  function namesOf(version: string): string {
    const names = [...workers].filter(([, one]) => one === version).map(([identity]) => identity);
    return names.sort().join(', ');
  }
}

import type { RefreshInput } from '../../model/pure/base-payloads.ts';
import { queueName } from '../../model/pure/ids.ts';
import type { RefreshedBase, SlipwayApi } from '../api.ts';
import { findSilent, waitText } from './find-waits.ts';
import type { Session } from './session.ts';

type RefreshSession = Pick<Session, 'terminal' | 'signal'>;

const LOOK_EVERY_MS = 10_000;

/** Has bases resolved anew, one after the other, and says which queue nobody polls while one waits there. */
export async function refreshBases(
  api: Pick<SlipwayApi, 'refreshBase' | 'silentQueues'>,
  bases: readonly RefreshInput[],
  { terminal, signal }: RefreshSession,
  lookEveryMs = LOOK_EVERY_MS,
): Promise<readonly RefreshedBase[]> {
  const told = new Set<string>();
  const refreshed: RefreshedBase[] = [];
  for (const base of bases) {
    const { level, reference } = base;
    const queues = [queueName('control', level), queueName('builder', level)];
    const look = async (): Promise<void> => {
      for (const queue of await findSilent(api, level, queues)) {
        if (!told.has(queue))
          terminal.note(`slipway: ${waitText(queue)}, so that ${reference} waits; what runs: slipway doctor`);
        told.add(queue);
      }
    };
    void look();
    const looking = setInterval(() => void look(), lookEveryMs);
    try {
      refreshed.push(await api.refreshBase(base, signal));
    } catch (error) {
      if (signal.aborted)
        terminal.note(`slipway: ${reference} is resolved anew all the same, as soon as a worker comes to it`);
      throw error;
    } finally {
      clearInterval(looking);
    }
  }
  return refreshed;
}

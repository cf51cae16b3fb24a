import type { Engine } from '../docker/engine.ts';
import { sweepContainers } from '../docker/sweep.ts';
import { lifeMsOf } from '../model/schema/config.ts';
import { isNobodys } from './nobodys.ts';
import { oneAtATime } from './one-at-a-time.ts';
import type { Parts } from './parts.ts';
import { purgesCaches } from './purges-caches.ts';
import { readServerConfig } from './server-config.ts';

/** What was ended in Temporal by hand is gone from the machine within a minute, the look that records it included. */
const INTERVAL_MS = 20_000;

export interface Sweeper {
  /** Looks now: something here may have become nobody's. */
  look(): void;
  stop(): void;
}

/** At start, from time to time and when it is asked: what is labelled ours and nobody's any more is removed. */
export function startSweeper({ store, connections, level, logger }: Parts, engine: Engine): Sweeper {
  const { fleet } = connections;
  const sweep = async (): Promise<void> => {
    try {
      // A file that is broken keeps nothing from being swept but what has no record.
      const lifeMs = await readServerConfig(connections.serverConfig).then(
        (config) => lifeMsOf(config, level),
        () => Infinity,
      );
      const removed = await sweepContainers(engine, {
        fleet,
        isNobodys: (found) => isNobodys(store, found, { level, lifeMs }),
        purgesCaches: ({ labels }) => purgesCaches(store, labels),
      });
      if (removed.length > 0) logger.info({ removed }, 'Containers that no run needs any more were removed');
    } catch (error) {
      logger.warn({ error }, 'The sweep failed; it is tried again');
    }
    try {
      // What was in use has ended, perhaps.
      await engine.images.keepRoom();
    } catch (error) {
      logger.warn({ error }, 'No room was made on the disk of the engine; it is tried again');
    }
  };
  // A sweep that is asked for during another one sees what that one did not.
  const looks = oneAtATime(sweep);
  looks.ask();
  const timer = setInterval(looks.ask, INTERVAL_MS);
  return {
    look: looks.ask,
    stop: () => {
      clearInterval(timer);
      looks.stop();
    },
  };
}

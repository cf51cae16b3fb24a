import type { Logger } from 'pino';
import { hasLeastFree } from '../docker/room/disk-of-engine.ts';
import type { DiskSpace } from '../docker/room/disk-of-engine.ts';
import type { SidecarsOfLevel } from '../docker/sidecar/idle-sidecars.ts';
import { idleSidecars } from '../docker/sidecar/idle-sidecars.ts';
import { runningSidecars } from '../docker/sidecar/running-sidecars.ts';

/** So long the data of a sidecar stays that nobody builds in: that of a project which is built seldom, not of one that is gone. */
const UNUSED_MS = 14 * 24 * 60 * 60_000;

export interface SidecarKey {
  readonly domain: string;
  readonly seat: number;
}

export interface TidyOptions {
  /** Does something to a sidecar that nobody builds in, and lets nobody begin to meanwhile; where somebody does, nothing is done. */
  readonly whileUnused: (sidecar: SidecarKey, work: () => Promise<void>) => Promise<void>;
  /** The disk that all of them write on; undefined where it cannot be seen. */
  readonly disk: () => Promise<DiskSpace | undefined>;
  readonly logger: Logger;
  /** Default: now. */
  readonly nowMs?: number;
}

/**
 * Gives back what sidecars of a fleet and level hold that nobody builds in: those that run are stopped, which have no network then; data
 * goes that nobody has used for two weeks, and while the disk is short that which nobody has used for longest. What cannot be done to
 * one keeps nothing from the others.
 */
export async function tidySidecars(where: SidecarsOfLevel, options: TidyOptions): Promise<void> {
  const { whileUnused, logger } = options;
  const doing = async (sidecar: SidecarKey, work: () => Promise<void>): Promise<void> => {
    const { domain, seat } = sidecar;
    await whileUnused(sidecar, work).catch((error: unknown) =>
      logger.warn(
        { domain, seat, error: String(error) },
        'A sidecar that nobody builds in was left as it is',
      ),
    );
  };
  for (const sidecar of await runningSidecars(where.host, where)) await doing(sidecar, () => sidecar.stop());
  const idle = await idleSidecars(where);
  for (const sidecar of idle.toSorted((one, other) => one.lastUsedMs - other.lastUsedMs)) {
    const why = await whyRemoved(sidecar, options);
    if (why === undefined && !sidecar.hasNetwork) continue;
    await doing(sidecar, async () => {
      if (why === undefined) return sidecar.removeNetwork();
      if (!(await sidecar.remove())) return;
      const { domain, seat, lastUsedMs } = sidecar;
      const lastUsed = new Date(lastUsedMs).toISOString();
      logger.info({ domain, seat, lastUsed, why }, 'Removed the data of a sidecar');
    });
  }
}

/** Each time the disk is looked at anew: the one before may have been enough. */
async function whyRemoved(
  { lastUsedMs }: { readonly lastUsedMs: number },
  { disk, nowMs = Date.now() }: TidyOptions,
): Promise<string | undefined> {
  if (nowMs - lastUsedMs > UNUSED_MS) return 'unused for two weeks';
  const found = await disk();
  return !found || hasLeastFree(found) ? undefined : 'the disk is short';
}

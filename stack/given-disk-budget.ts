import { parseDiskBudget } from '../model/disk-budget.ts';
import { ConfigInvalid } from '../model/errors.ts';

/** What `SLIPWAY_DISK_BUDGET` says; undefined when it says nothing. @throws {ConfigInvalid} */
export function givenDiskBudget(env: NodeJS.ProcessEnv): string | undefined {
  const given = env['SLIPWAY_DISK_BUDGET'];
  if (!given) return undefined;
  if (parseDiskBudget(given)) return given;
  throw new ConfigInvalid(`SLIPWAY_DISK_BUDGET is "${given}": expected 40 GB, 30% or none`);
}

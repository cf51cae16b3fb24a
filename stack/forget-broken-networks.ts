import { access, appendFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readLastLines } from './read-last-lines.ts';
import type { StatePaths } from './state-directory.ts';

/** Engine 20.10 records a network in two steps; killed between them it falls over the half of it at every start, here. */
const PANIC = 'libnetwork.(*controller).reservePools';
/** What the trace of a panic has at the most. */
const TRACE_LINES = 60;
const DONE =
  'slipway: the record of networks was broken and is removed; networks are made again when they are needed';

/**
 * Removes the private engine's record of its networks when that is what it last died of; gives whether it did. What needs one
 * of them (a sidecar, a task that was not started) makes it anew; a run whose command is cut off by it runs anew.
 */
export async function forgetBrokenNetworks(paths: Pick<StatePaths, 'engine' | 'logs'>): Promise<boolean> {
  const log = join(paths.logs, 'docker.log');
  const words = await readLastLines(log, TRACE_LINES);
  // A death that was dealt with already is not looked at again.
  if (words.lastIndexOf(PANIC) <= words.lastIndexOf(DONE)) return false;
  const record = join(paths.engine, 'network', 'files', 'local-kv.db');
  const isThere = await access(record).then(
    () => true,
    () => false,
  );
  if (!isThere) return false;
  await rm(record);
  await appendFile(log, `${DONE}\n`);
  return true;
}

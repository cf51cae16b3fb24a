import { delimiter } from 'node:path';
import { requireEnv } from './require-env.ts';
import type { SecondEngine } from './second-engine.ts';
import { startSecondEngine } from './second-engine.ts';

/** Starts an empty engine of the distribution beside the newest one, whose programs come first on our `PATH`. */
export async function startClassicEngine(): Promise<SecondEngine> {
  const modern = modernPrograms();
  const path = (process.env['PATH'] ?? '').split(delimiter).filter((directory) => directory !== modern);
  return startSecondEngine({ env: { ...process.env, PATH: path.join(delimiter) } });
}

/** Where the programs of the newest engine are. */
export function modernPrograms(): string {
  return requireEnv('SLIPWAY_TEST_MODERN', 'the newest engine, by npm run test:modern');
}

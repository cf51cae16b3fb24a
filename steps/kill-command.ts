import type { Engine } from '../docker/engine.ts';
import type { PlannedTask } from '../model/schema/plan.ts';
import { copyOutput } from './follow-to-end.ts';
import type { RunLog } from './run-log.ts';

/** A killed container's output ends at once; an engine in trouble must not keep a cancel waiting. */
const LAST_OUTPUT_MS = 5_000;

/**
 * Kills what runs in a container. What it had said until then belongs into its log, unless its secrets can't be taken out;
 * trouble with that stops nothing.
 */
export async function killCommand(
  engine: Engine,
  {
    name,
    keepsOutput = true,
    ...output
  }: {
    readonly name: string;
    readonly log: RunLog;
    readonly planned: PlannedTask;
    readonly keepsOutput?: boolean;
  },
): Promise<void> {
  await engine.containers.kill(name);
  const state = await engine.containers.inspect(name);
  if (state === undefined || state.state === 'created' || !keepsOutput) return;
  const last = AbortSignal.timeout(LAST_OUTPUT_MS);
  await copyOutput(engine, { id: state.id, ...output }, last).catch(() => undefined);
  output.log.endOutput();
}

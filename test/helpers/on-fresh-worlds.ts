import { afterAll, beforeAll, beforeEach } from '@jest/globals';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { createEnvironment, World } from './workflow-world.ts';

/** A Temporal server for the tests of this file, and before each of them a world on it, which `take` gets. */
export function onFreshWorlds(
  take: (world: World, env: TestWorkflowEnvironment) => void,
  settings: Parameters<typeof createEnvironment>[0] = {},
): void {
  let env: TestWorkflowEnvironment;
  beforeAll(async () => {
    env = await createEnvironment(settings);
  });
  afterAll(() => env.teardown());
  beforeEach(() => take(new World(env), env));
}

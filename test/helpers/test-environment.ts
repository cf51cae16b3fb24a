import type { RunningStack } from '../../stack/stack-options.ts';

/** The environment of whatever asks `requireEnv` for the parts of a stack: the tests and the benchmarks. */
export function testEnvironment(
  { connections, setUpStore }: RunningStack,
  temporal: string | undefined,
): NodeJS.ProcessEnv {
  return {
    ...process.env,
    SLIPWAY_HOME: connections.stateDirectory,
    SLIPWAY_TEST_S3: JSON.stringify(setUpStore),
    SLIPWAY_TEST_ENGINE: connections.runnerEngine,
    SLIPWAY_TEST_TEMPORAL_CLI: temporal ?? '',
    SLIPWAY_TEST_SIDECAR_IMAGE: connections.sidecarImage ?? '',
  };
}

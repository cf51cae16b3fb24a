import type { Connections } from '../model/schema/connections.ts';
import { givenTemporal } from '../model/schema/connections.ts';
import { ensureTool } from './tool.ts';
import { reportStep } from './report-step.ts';
import { startProcess } from './stack-context.ts';
import type { StackContext } from './stack-context.ts';
import {
  checkGivenTemporal,
  checkTemporal,
  ensureLevelNamespaces,
  keepWorkflowsAWeek,
  temporalConnection,
  temporalProcess,
} from './temporal-server.ts';
import { TEMPORAL_TOOL } from './temporal-tool.ts';

const START_TIMEOUT_MS = 60_000;

/** Checks the Temporal server that the environment names, or starts one; gives how to reach it once it answers. */
export async function startTemporal(context: StackContext): Promise<Connections['temporal']> {
  const { options, paths, ports } = context;
  const given = givenTemporal(options.env);
  if (given) {
    return reportStep(options, 'temporal', {
      doing: `checking the server at ${given.address} (TEMPORAL_ADDRESS)`,
      done: () => `the server at ${given.address} answers`,
      run: async () => {
        await checkGivenTemporal(given, options);
        return given;
      },
    });
  }
  const program = await ensureTool(TEMPORAL_TOOL, options);
  const connection = temporalConnection(ports, options.env);
  return reportStep(options, 'temporal', {
    doing: `starting the server at ${connection.address}, its data in ${paths.temporal}`,
    done: () => `the server answers at ${connection.address}; its pages are at ${connection.uiUrl}`,
    run: async () => {
      const server = await startProcess(
        context,
        temporalProcess(program, paths, { ports, env: options.env }),
      );
      await server.waitUntil(() => checkTemporal(program, connection, options), {
        timeoutMs: START_TIMEOUT_MS,
        signal: options.signal,
      });
      await keepWorkflowsAWeek(program, connection, options);
      await ensureLevelNamespaces(program, connection, options);
      return connection;
    },
  });
}

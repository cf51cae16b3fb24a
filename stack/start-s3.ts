import type { Connections } from '../model/schema/connections.ts';
import { canConnect } from './can-connect.ts';
import { checkStore } from './check-store.ts';
import { ensureTool } from './tool.ts';
import { reportStep } from './report-step.ts';
import { givenStore, s3Connection, s3Process } from './s3-server.ts';
import { S3_TOOL } from './s3-tool.ts';
import { startProcess, stopProcess } from './stack-context.ts';
import type { StackContext } from './stack-context.ts';

const START_TIMEOUT_MS = 30_000;

/**
 * Checks the store that the environment names, or starts one; gives how to reach it once it answers and was seen to keep
 * conditions and checksums.
 */
export async function startS3(context: StackContext): Promise<Connections['store']> {
  const { options, paths, ports, settings } = context;
  const given = givenStore(options.env);
  if (given) {
    return reportStep(options, 's3', {
      doing: `checking the store at ${given.endpoint} (SLIPWAY_S3_ENDPOINT)`,
      done: () => `the store at ${given.endpoint} keeps what it must, bucket ${given.bucket}`,
      run: async () => {
        await checkStore(given, options.signal);
        return given;
      },
    });
  }
  const program = await ensureTool(S3_TOOL, options);
  const connection = s3Connection(ports.s3, settings.value);
  return reportStep(options, 's3', {
    doing: `starting the store at ${connection.endpoint}, its data in ${paths.store}`,
    done: () => `the store answers at ${connection.endpoint}, bucket ${connection.bucket}`,
    run: async (note) => {
      try {
        await runServer(context, program, settings.value.storeMetadata ?? 'xattr');
      } catch (error) {
        options.signal.throwIfAborted();
        if (settings.value.storeMetadata) throw error;
        note('the file system seems to have no extended attributes; metadata goes into files of its own');
        await runServer(context, program, 'files');
      }
      await checkStore(connection, options.signal);
      return connection;
    },
  });
}

async function runServer(context: StackContext, program: string, metadata: 'xattr' | 'files'): Promise<void> {
  const { options, paths, ports, settings } = context;
  const spec = await s3Process(program, paths, {
    port: ports.s3,
    settings: settings.value,
    metadata,
    env: options.env,
  });
  const server = await startProcess(context, spec);
  try {
    await server.waitUntil(() => expectConnection(`127.0.0.1:${ports.s3}`), {
      timeoutMs: START_TIMEOUT_MS,
      signal: options.signal,
    });
  } catch (error) {
    await stopProcess(context, server);
    throw error;
  }
  settings.update({ storeMetadata: metadata });
}

async function expectConnection(address: string): Promise<void> {
  if (!(await canConnect(address, 1_000))) throw new Error(`${address} accepts no connection`);
}

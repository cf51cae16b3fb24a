import type { Level } from '../model/pure/ids.ts';
import type { Connections } from '../model/schema/connections.ts';
import { bucketPolicy } from '../store/bucket-policy.ts';
import { openStore } from '../store/open-store.ts';
import { canConnect } from './can-connect.ts';
import { checkStore } from './check-store.ts';
import { ensureTool } from './tool.ts';
import { reportStep } from './report-step.ts';
import { givenStore, principalsOf, s3Connection, s3Process } from './s3-server.ts';
import { S3_TOOL } from './s3-tool.ts';
import type { Settings } from './settings.ts';
import { startProcess, stopProcess } from './stack-context.ts';
import type { StackContext } from './stack-context.ts';

const START_TIMEOUT_MS = 30_000;

export interface StartedStore {
  /** With all rights, for setting up. */
  readonly setUp: Connections['store'];
  readonly client: Connections['store'];
  /** With the rights of one level's workers. */
  ofLevel(level: Level): Connections['store'];
}

/**
 * Checks the store that the environment names, or starts one; gives how to reach it once it answers and was seen to keep
 * conditions and checksums. In our own each level has keys of its own; what the environment gives is used for everything.
 */
export async function startS3(context: StackContext): Promise<StartedStore> {
  const { options, paths, ports, settings } = context;
  const given = givenStore(options.env);
  if (given) {
    return reportStep(options, 's3', {
      doing: `checking the store at ${given.endpoint} (SLIPWAY_S3_ENDPOINT)`,
      done: () => `the store at ${given.endpoint} keeps what it must, bucket ${given.bucket}`,
      run: async () => {
        await checkStore(given, options.signal);
        return { setUp: given, client: given, ofLevel: () => given };
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
      await allowLevels(connection, settings.value);
      const { keys } = settings.value;
      return {
        setUp: connection,
        client: s3Connection(ports.s3, keys.client),
        ofLevel: (level) => s3Connection(ports.s3, keys[level]),
      };
    },
  });
}

async function allowLevels(connection: Connections['store'], settings: Settings): Promise<void> {
  const { objects, close } = openStore(connection);
  try {
    await objects.setPolicy(bucketPolicy(connection.bucket, principalsOf(settings)));
  } finally {
    close();
  }
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

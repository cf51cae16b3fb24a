import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { ConfigInvalid } from '../model/errors.ts';
import type { Connections } from '../model/schema/connections.ts';
import { connectionsSchema } from '../model/schema/connections.ts';

/** What `up` writes into the state directory. */
export const STACK_FILE = 'stack.json';

/** The state directory: `SLIPWAY_HOME`, else `.slipway` of the working directory. */
export function stateDirectory(env: NodeJS.ProcessEnv): string {
  return resolve(env.SLIPWAY_HOME ?? '.slipway');
}

/**
 * How to reach the parts: the running stack's file, or the environment alone when Temporal and S3 are given there.
 * @throws {ConfigInvalid} saying what is missing and what to type.
 */
export async function readConnections(env: NodeJS.ProcessEnv): Promise<Connections> {
  const directory = stateDirectory(env);
  const text = await readFile(join(directory, STACK_FILE), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new ConfigInvalid(`${join(directory, STACK_FILE)} cannot be read: ${error.message}`, {
      cause: error,
    });
  });
  if (text !== undefined) return parse(JSON.parse(text), join(directory, STACK_FILE));
  if (env.TEMPORAL_ADDRESS === undefined || env.SLIPWAY_S3_BUCKET === undefined) {
    throw new ConfigInvalid(
      `No stack runs in ${directory}. Type: slipway up (or set SLIPWAY_HOME to the directory where it runs, or TEMPORAL_ADDRESS and SLIPWAY_S3_BUCKET for a given one)`,
    );
  }
  return parse(fromEnvironment(env, directory), 'the environment');
}

function fromEnvironment(env: NodeJS.ProcessEnv, directory: string): unknown {
  return {
    version: 1,
    fleet: env.SLIPWAY_FLEET ?? 'default',
    temporal: {
      address: env.TEMPORAL_ADDRESS,
      namespace: env.TEMPORAL_NAMESPACE ?? 'default',
      uiUrl: env.TEMPORAL_UI_URL,
    },
    store: {
      endpoint: env.SLIPWAY_S3_ENDPOINT,
      region: env.AWS_REGION ?? 'us-east-1',
      bucket: env.SLIPWAY_S3_BUCKET,
      accessKeyId: env.AWS_ACCESS_KEY_ID,
      secretAccessKey: env.AWS_SECRET_ACCESS_KEY,
    },
    runnerEngine: env.SLIPWAY_DOCKER_HOST ?? env.DOCKER_HOST ?? 'unix:///var/run/docker.sock',
    builderEngine: env.SLIPWAY_BUILDER_DOCKER_HOST,
    sidecarImage: env.SLIPWAY_SIDECAR_IMAGE,
    serverConfig: env.SLIPWAY_CONFIG ?? join(directory, 'slipway.config.yml'),
    stateDirectory: directory,
    runtimeDirectory: env.SLIPWAY_RUNTIME_DIR ?? join(tmpdir(), 'slipway'),
  };
}

function parse(value: unknown, where: string): Connections {
  const parsed = connectionsSchema.safeParse(value);
  if (!parsed.success) throw new ConfigInvalid(`${where}: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

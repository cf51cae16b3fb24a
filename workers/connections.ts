import { existsSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { ConfigInvalid, isSlipwayError, StackUnavailable } from '../model/errors.ts';
import type { Level } from '../model/pure/ids.ts';
import type { Connections } from '../model/schema/connections.ts';
import {
  connectionsOfLevel,
  connectionsSchema,
  givenKeys,
  givenLayers,
  givenMountLimit,
  givenTemporal,
} from '../model/schema/connections.ts';
import { serverConfigPath } from '../model/server-config-path.ts';

/** What `up` writes into the state directory. */
export const STACK_FILE = 'stack.json';

const STATE = '.slipway';

/** Of the checkout that this program belongs to. */
const CHECKOUT_STATE = fileURLToPath(new URL(`../${STATE}`, import.meta.url));

/** The state directory of a stack that is started here: `SLIPWAY_HOME`, else `.slipway` of the working directory. */
export function ownStateDirectory(env: NodeJS.ProcessEnv): string {
  return resolve(env.SLIPWAY_HOME || STATE);
}

/**
 * The state directory of the stack that serves whoever stands here: the own one, or, where no stack runs in that and none is named, that
 * of the nearest directory above which is the same user's, else the checkout's, so that the stack of a checkout serves all
 * repositories of the machine.
 */
export function stateDirectory(env: NodeJS.ProcessEnv, checkout = CHECKOUT_STATE): string {
  const own = ownStateDirectory(env);
  if (env.SLIPWAY_HOME || env.TEMPORAL_ADDRESS || hasStack(own)) return own;
  return findAbove(dirname(own)) ?? (hasStack(checkout) ? checkout : own);
}

/** In a directory that others may write into, somebody else's stack is not taken for one's own. */
function findAbove(directory: string): string | undefined {
  const above = dirname(directory);
  if (above === directory) return undefined;
  const state = join(above, STATE);
  return hasStack(state) && statSync(state).uid === process.getuid?.() ? state : findAbove(above);
}

/**
 * The state directory that `down` is about: the own one where it is, else that of the stack which serves whoever stands here. Data of
 * another directory is never deleted that was not named.
 */
export function stateDirectoryToStop(
  env: NodeJS.ProcessEnv,
  { purge }: { readonly purge: boolean },
  checkout = CHECKOUT_STATE,
): string {
  const own = ownStateDirectory(env);
  return purge || existsSync(own) ? own : stateDirectory(env, checkout);
}

/** Whether a stack was started there and not stopped since. */
export function hasStack(directory: string): boolean {
  return existsSync(join(directory, STACK_FILE));
}

/**
 * How to reach the parts, with the keys of a client: the running stack's file, or the environment alone when Temporal and
 * S3 are given there. @throws {StackUnavailable} saying what is missing and what to type. @throws {ConfigInvalid}
 */
export async function readConnections(env: NodeJS.ProcessEnv): Promise<Connections> {
  const directory = stateDirectory(env);
  const found = (await readStackFile(join(directory, STACK_FILE))) ?? givenConnections(env, directory);
  if (found) return found;
  throw new StackUnavailable(
    `No stack runs in ${directory}. Type: slipway up (or set SLIPWAY_HOME to the directory where it runs, or TEMPORAL_ADDRESS and SLIPWAY_S3_BUCKET for a given one)`,
  );
}

/**
 * How to reach the parts of an installation that the environment alone names; undefined where it does not name both a Temporal server and
 * a bucket. @throws {ConfigInvalid}
 */
export function givenConnections(env: NodeJS.ProcessEnv, directory: string): Connections | undefined {
  const temporal = givenTemporal(env);
  if (!temporal || env.SLIPWAY_S3_BUCKET === undefined) return undefined;
  return parse(fromEnvironment(env, { temporal, directory }), 'the environment');
}

/** The same for a worker of one level: with that level's namespace, and its own keys where `up` gave it some. */
export async function readLevelConnections(env: NodeJS.ProcessEnv, level: Level): Promise<Connections> {
  const own = await readStackFile(join(stateDirectory(env), levelFile(level)));
  return connectionsOfLevel(own ?? (await readConnections(env)), level);
}

/** What `up` writes beside `stack.json` for the workers of a level. */
export function levelFile(level: Level): string {
  return join('levels', `${level}.json`);
}

async function readStackFile(path: string): Promise<Connections | undefined> {
  try {
    return parse(JSON.parse(await readFile(path, 'utf8')), path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    if (isSlipwayError(error)) throw error;
    throw new ConfigInvalid(`${path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

function fromEnvironment(
  env: NodeJS.ProcessEnv,
  { temporal, directory }: { readonly temporal: Connections['temporal']; readonly directory: string },
): unknown {
  return {
    version: 1,
    fleet: env.SLIPWAY_FLEET ?? 'default',
    temporal,
    store: {
      endpoint: env.SLIPWAY_S3_ENDPOINT,
      region: env.AWS_REGION ?? 'us-east-1',
      bucket: env.SLIPWAY_S3_BUCKET,
      ...givenKeys(env),
    },
    runnerEngine: env.SLIPWAY_DOCKER_HOST ?? env.DOCKER_HOST ?? 'unix:///var/run/docker.sock',
    builderEngine: env.SLIPWAY_BUILDER_DOCKER_HOST,
    sidecarImage: env.SLIPWAY_SIDECAR_IMAGE,
    diskBudget: env.SLIPWAY_DISK_BUDGET || undefined,
    ...givenLayers(env),
    ...givenMountLimit(env),
    serverConfig: serverConfigPath(directory, env),
    stateDirectory: directory,
    runtimeDirectory: env.SLIPWAY_RUNTIME_DIR ?? join(tmpdir(), 'slipway'),
  };
}

function parse(value: unknown, where: string): Connections {
  const parsed = connectionsSchema.safeParse(value);
  if (!parsed.success) throw new ConfigInvalid(`${where}: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

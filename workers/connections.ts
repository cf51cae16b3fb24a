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
import { describeForeign, foreignStack, isForeign } from './foreign-directory.ts';

/** What `up` writes into the state directory. */
export const STACK_FILE = 'stack.json';

const STATE = '.slipway';

/** Of the checkout that this program belongs to. */
const CHECKOUT_STATE = fileURLToPath(new URL(`../${STATE}`, import.meta.url));

/** The state directory of a stack that is started here: `SLIPWAY_HOME`, else `.slipway` of the working directory. */
export function ownStateDirectory(env: NodeJS.ProcessEnv): string {
  return resolve(env.SLIPWAY_HOME || STATE);
}

/** The same, for whoever starts or sets it up. @throws {StackUnavailable} when it is another user's. */
export function stateDirectoryToFill(env: NodeJS.ProcessEnv): string {
  const own = ownStateDirectory(env);
  if (isForeign(own)) throw foreignStack(own);
  return own;
}

/**
 * The state directory of the stack that serves whoever stands here: the own one, or, where no stack runs in that and none is named, that
 * of the nearest directory above which is the same user's, else the checkout's, so that the stack of a checkout serves all
 * repositories of the machine.
 */
export function stateDirectory(env: NodeJS.ProcessEnv, checkout = CHECKOUT_STATE): string {
  const own = ownStateDirectory(env);
  if (env.SLIPWAY_HOME || namesInstallation(env) || hasStack(own)) return own;
  // In a directory that others may write into, somebody else's stack is not taken for one's own.
  const isOurs = (state: string): boolean => statSync(state).uid === process.getuid?.();
  const above = statesAbove(dirname(own)).find((state) => hasStack(state) && isOurs(state));
  return above ?? (hasStack(checkout) ? checkout : own);
}

/** The nearest first, whether or not they are there. */
function statesAbove(directory: string): readonly string[] {
  const above = dirname(directory);
  return above === directory ? [] : [join(above, STATE), ...statesAbove(above)];
}

/** Whether the environment alone names both a Temporal server and a bucket. */
export function namesInstallation(env: NodeJS.ProcessEnv): boolean {
  return Boolean(env.TEMPORAL_ADDRESS && env.SLIPWAY_S3_BUCKET);
}

/** The nearest state directory that could serve whoever stands here, were it not another user's, who alone may look into it. */
export function foreignDirectory(env: NodeJS.ProcessEnv, checkout = CHECKOUT_STATE): string | undefined {
  const own = ownStateDirectory(env);
  const others = env.SLIPWAY_HOME ? [] : [...statesAbove(dirname(own)), checkout];
  return [own, ...others].find(isForeign);
}

/**
 * The state directory that `down` is about: the own one where it is, else that of the stack which serves whoever stands here. Data of
 * another directory is never deleted that was not named. @throws {StackUnavailable} when it is another user's.
 */
export function stateDirectoryToStop(
  env: NodeJS.ProcessEnv,
  { purge }: { readonly purge: boolean },
  checkout = CHECKOUT_STATE,
): string {
  const own = stateDirectoryToFill(env);
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
  const found = (await readStackFile(directory, STACK_FILE)) ?? givenConnections(env, directory);
  if (found) return found;
  const foreign = foreignDirectory(env);
  const theirs = foreign
    ? `; ${describeForeign(foreign)}: if a stack there is meant, type it as that user (sudo). Else type`
    : '. Type';
  throw new StackUnavailable(
    `No stack runs in ${directory}${theirs}: slipway up (or set SLIPWAY_HOME to the directory where it runs, or TEMPORAL_ADDRESS and SLIPWAY_S3_BUCKET for a given one)`,
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
  const own = await readStackFile(stateDirectory(env), levelFile(level));
  return connectionsOfLevel(own ?? (await readConnections(env)), level);
}

/** What `up` writes beside `stack.json` for the workers of a level. */
export function levelFile(level: Level): string {
  return join('levels', `${level}.json`);
}

async function readStackFile(directory: string, name: string): Promise<Connections | undefined> {
  const path = join(directory, name);
  try {
    return parse(JSON.parse(await readFile(path, 'utf8')), path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    if (code === 'EACCES') throw foreignStack(directory);
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

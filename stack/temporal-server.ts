import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { isSlipwayError, SetupFailed } from '../model/errors.ts';
import type { Connections } from '../model/schema/connections.ts';
import { givenNamespaces } from '../model/schema/connections.ts';
import { canConnect } from './can-connect.ts';
import { findTool } from './tool.ts';
import { runCommand } from './run-command.ts';
import type { StatePaths } from './state-directory.ts';
import type { StackOptions } from './stack-options.ts';
import type { ProcessSpec } from './supervise.ts';
import { TEMPORAL_TOOL } from './temporal-tool.ts';

/** What workflows are found by; stores over SQL allow 3 Int and 10 Keyword, so no more than these. */
const SEARCH_ATTRIBUTES = {
  SlipwayProject: 'Keyword',
  SlipwayRevision: 'Keyword',
  SlipwayLabel: 'Keyword',
  SlipwayImage: 'Keyword',
  SlipwayState: 'Keyword',
  SlipwayPushedBy: 'Keyword',
  SlipwayLevel: 'Int',
} as const;

/** What `search-attribute list` says; what other versions of it say tells nothing. */
const listedSchema = z
  .object({ customAttributes: z.record(z.string(), z.string()) })
  .catch({ customAttributes: {} });

/** SQLite without them is about 2.8 times slower. */
const PRAGMAS = ['journal_mode=WAL', 'synchronous=NORMAL'];

/** Fairness also switches priorities on; with one partition both are exact. */
const DYNAMIC_CONFIG = [
  'system.enableActivityEagerExecution=true',
  'matching.enableFairness=true',
  'matching.numTaskqueueReadPartitions=1',
  'matching.numTaskqueueWritePartitions=1',
];

const RETENTION = '168h';
const CHECK_TIMEOUT_MS = 10_000;
const NAMESPACE_PATIENCE_MS = 30_000;
const NAMESPACE_POLL_MS = 500;

export interface TemporalPorts {
  readonly temporal: number;
  readonly temporalUi: number;
}

/** The dev server as a process on loopback, with its database in the state directory. */
export function temporalProcess(
  program: string,
  paths: StatePaths,
  options: { readonly ports: TemporalPorts; readonly env: NodeJS.ProcessEnv },
): ProcessSpec {
  const repeat = (flag: string, values: readonly string[]): string[] =>
    values.flatMap((value) => [flag, value]);
  return {
    name: 'temporal',
    command: [
      program,
      ...['server', 'start-dev', '--headless=false', '--ip', '127.0.0.1', '--log-level', 'error'],
      ...['--port', String(options.ports.temporal), '--ui-port', String(options.ports.temporalUi)],
      ...['--db-filename', join(paths.temporal, 'temporal.db')],
      ...repeat('--sqlite-pragma', PRAGMAS),
      ...repeat('--dynamic-config-value', DYNAMIC_CONFIG),
      ...repeat('--search-attribute', attributePairs()),
    ],
    env: withoutTemporal(options.env),
    graceMs: 10_000,
  };
}

/** How to reach the dev server that {@link temporalProcess} starts. */
export function temporalConnection(ports: TemporalPorts, env: NodeJS.ProcessEnv): Connections['temporal'] {
  return {
    address: `127.0.0.1:${ports.temporal}`,
    namespace: 'default',
    ...givenNamespaces(env),
    uiUrl: `http://127.0.0.1:${ports.temporalUi}`,
  };
}

/** Asks the server for its namespace; @throws while it does not answer. */
export async function checkTemporal(
  program: string,
  connection: Connections['temporal'],
  options: Pick<StackOptions, 'env' | 'signal'>,
): Promise<void> {
  await operate(program, connection, {
    ...options,
    verb: ['namespace', 'describe', '--namespace', connection.namespace],
  });
}

/** Keeps closed workflows for seven days instead of one, so that the UI shows the week. */
export async function keepWorkflowsAWeek(
  program: string,
  connection: Connections['temporal'],
  options: Pick<StackOptions, 'env' | 'signal'>,
): Promise<void> {
  await operate(program, connection, {
    ...options,
    verb: ['namespace', 'update', '--namespace', connection.namespace, '--retention', RETENTION],
  });
}

/**
 * Makes a namespace with our search attributes in a server, or what one that is there lacks. Safe to repeat.
 * @throws {SetupFailed} with who makes it, when something is lacking and cannot be made.
 */
export async function ensureNamespace(
  program: string,
  connection: Omit<Connections['temporal'], 'namespaces'>,
  options: Pick<StackOptions, 'env' | 'signal'>,
): Promise<void> {
  const { namespace } = connection;
  const exists = await operate(program, connection, {
    ...options,
    verb: ['namespace', 'describe', '--namespace', namespace],
  }).then(
    () => true,
    () => false,
  );
  if (!exists) {
    await make(program, connection, {
      ...options,
      what: `the namespace ${namespace}`,
      verb: ['namespace', 'create', '--namespace', namespace, '--retention', RETENTION],
      inCloud: `tcld namespace create --namespace ${namespace} …`,
    });
  }
  // Other parts of the server see a new namespace only after some seconds.
  const end = performance.now() + NAMESPACE_PATIENCE_MS;
  for (;;) {
    const trouble = await ensureSearchAttributes(program, connection, options).then(
      () => undefined,
      (error: unknown) => error,
    );
    if (trouble === undefined) return;
    if (performance.now() > end) throw trouble;
    await delay(NAMESPACE_POLL_MS, undefined, { signal: options.signal });
  }
}

/** Makes the namespaces of the levels that have one of their own. */
export async function ensureLevelNamespaces(
  program: string,
  { namespaces = {}, ...temporal }: Connections['temporal'],
  options: Pick<StackOptions, 'env' | 'signal'>,
): Promise<void> {
  for (const namespace of new Set(Object.values(namespaces)))
    await ensureNamespace(program, { ...temporal, namespace }, options);
}

/** Makes those that a namespace lacks: who may make none can do with those that are there. */
async function ensureSearchAttributes(
  program: string,
  connection: Omit<Connections['temporal'], 'namespaces'>,
  options: Pick<StackOptions, 'env' | 'signal'>,
): Promise<void> {
  const { namespace } = connection;
  const verb = ['search-attribute', 'list', '--namespace', namespace, '--output', 'json'];
  const listed = await operate(program, connection, { ...options, verb });
  const { customAttributes } = listedSchema.parse(JSON.parse(listed));
  // One of another type is made too: that it cannot be is told then.
  const lacking = Object.entries(SEARCH_ATTRIBUTES).filter(
    ([name, type]) => customAttributes[name] !== `INDEXED_VALUE_TYPE_${type.toUpperCase()}`,
  );
  if (lacking.length === 0) return;
  const pairs = lacking.flatMap(([name, type]) => ['--name', name, '--type', type]);
  await make(program, connection, {
    ...options,
    what: `the search attributes ${lacking.map(([name]) => name).join(', ')} in the namespace ${namespace}`,
    verb: ['search-attribute', 'create', '--namespace', namespace, ...pairs],
    inCloud: `tcld namespace search-attributes add --namespace ${namespace} ${lacking.map((pair) => `--sa ${pair.join('=')}`).join(' ')}`,
  });
}

/** @throws {SetupFailed} with what somebody else has to type who may. */
async function make(
  program: string,
  connection: Omit<Connections['temporal'], 'namespaces'>,
  {
    what,
    inCloud,
    ...options
  }: Pick<StackOptions, 'env' | 'signal'> & {
    readonly what: string;
    readonly verb: readonly string[];
    /** The same where Temporal's own command may not. */
    readonly inCloud: string;
  },
): Promise<void> {
  try {
    await operate(program, connection, options);
  } catch (error) {
    options.signal.throwIfAborted();
    const byHand = `temporal operator ${options.verb.join(' ')} --address ${connection.address}`;
    throw new SetupFailed(
      `Temporal at ${connection.address} lacks ${what}`,
      error instanceof Error ? error.message : String(error),
      `Somebody who may make them has to type: ${byHand}; in Temporal Cloud: ${inCloud}`,
      { cause: error },
    );
  }
}

/**
 * Checks a given server and makes the search attributes on it that it lacks, since a workflow cannot be started without them. Without
 * a Temporal CLI at hand only the connection is checked. @throws {SetupFailed} when nothing answers, or something is lacking and cannot be made.
 */
export async function checkGivenTemporal(
  given: Connections['temporal'],
  options: Pick<StackOptions, 'env' | 'signal'>,
): Promise<void> {
  const todo = 'Start it, or unset TEMPORAL_ADDRESS to have one started';
  const program = await findTool(TEMPORAL_TOOL, options);
  if (!program) {
    if (await canConnect(given.address, CHECK_TIMEOUT_MS)) return;
    throw new SetupFailed(
      `Temporal at ${given.address} (TEMPORAL_ADDRESS) does not answer`,
      'no connection is accepted',
      todo,
    );
  }
  try {
    await checkTemporal(program, given, options);
    await ensureSearchAttributes(program, given, options);
    await ensureLevelNamespaces(program, given, options);
  } catch (error) {
    options.signal.throwIfAborted();
    if (isSlipwayError(error)) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new SetupFailed(`Temporal at ${given.address} (TEMPORAL_ADDRESS) cannot be used`, why, todo, {
      cause: error,
    });
  }
}

async function operate(
  program: string,
  connection: Omit<Connections['temporal'], 'namespaces'>,
  options: Pick<StackOptions, 'env' | 'signal'> & { readonly verb: readonly string[] },
): Promise<string> {
  return runCommand(
    [
      program,
      'operator',
      ...options.verb,
      '--address',
      connection.address,
      '--command-timeout',
      `${CHECK_TIMEOUT_MS / 1000}s`,
    ],
    {
      env: { ...withoutTemporal(options.env), ...identityOf(connection) },
      signal: options.signal,
    },
  );
}

function attributePairs(): string[] {
  return Object.entries(SEARCH_ATTRIBUTES).map(([name, type]) => `${name}=${type}`);
}

/** The CLI reads TEMPORAL_* as defaults of its flags; what we start must not take another server's. */
function withoutTemporal(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('TEMPORAL_')));
}

/** By variables, since others can read a command line. */
function identityOf({ apiKey, tls }: Omit<Connections['temporal'], 'namespaces'>): NodeJS.ProcessEnv {
  return {
    TEMPORAL_API_KEY: apiKey,
    TEMPORAL_TLS: String(tls !== undefined),
    TEMPORAL_TLS_SERVER_CA_CERT_PATH: tls?.caFile,
    TEMPORAL_TLS_CLIENT_CERT_PATH: tls?.certFile,
    TEMPORAL_TLS_CLIENT_KEY_PATH: tls?.keyFile,
    TEMPORAL_TLS_SERVER_NAME: tls?.serverName,
  };
}

import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { queueName } from '../../../model/pure/ids.ts';
import type { Level } from '../../../model/pure/ids.ts';
import * as attributes from '../../../model/pure/search-attributes.ts';
import { namespaceOf } from '../../../model/schema/connections.ts';
import type { Connections } from '../../../model/schema/connections.ts';
import type { Diagnosis } from '../../../model/schema/diagnosis.ts';
import { clientOptions } from '../../../workers/temporal-options.ts';
import { findTemporalTrouble, makeNamespaceCommand, troubleOf } from '../../../workers/temporal-trouble.ts';
import { silentQueues } from '../../silent-queues.ts';
import { Ailment, diagnosed } from '../../../stack/doctor/diagnosed.ts';
import type { Finding } from '../../../stack/doctor/diagnosed.ts';
import { lookAtCollections } from './look-at-collections.ts';
import { lookAtWorkers } from './look-at-workers.ts';

const TIMEOUT_MS = 10_000;
const TRIAL_POLLS = 100;
const TRIAL_POLL_MS = 100;
const LEAST_RETENTION_HOURS = 24;
const KINDS = ['control', 'builder', 'runner'] as const;
/** What `temporal` calls the types of attributes. */
const TYPES = { KEYWORD: 'Keyword', INT: 'Int' } as const;

export interface TemporalFindings {
  readonly diagnoses: readonly Diagnosis[];
  /** How far the server's clock was ahead of this machine's when it was read, in milliseconds. */
  readonly aheadMs: number | undefined;
}

export interface TemporalToLookAt {
  readonly temporal: Connections['temporal'];
  /** What to do when it does not answer. */
  readonly todo: string;
  /** Levels whose workers shall poll when a stack runs on it; undefined when none does, and `up` makes what is missing. */
  readonly levels: readonly Level[] | undefined;
  /** Of those that some project may have private engines on. */
  readonly dindLevels?: readonly Level[];
  /** Whether there is no stack to start again: its workers are run by hand. Default: a stack is. */
  readonly isByHand?: boolean;
}

/** Looks at a Temporal server: namespaces, search attributes, retention, whether it keeps priorities, who polls. */
export async function lookAtTemporal(options: TemporalToLookAt): Promise<TemporalFindings> {
  const { temporal, todo } = options;
  const connection = await connect(temporal).catch(() => undefined);
  if (!connection) {
    const silent = await diagnosed('temporal', todo, () => findOutWhy(temporal, todo));
    return { diagnoses: [{ ...silent, where: temporal.address }], aheadMs: undefined };
  }
  try {
    return await connection.withDeadline(Date.now() + 4 * TIMEOUT_MS, () => lookInside(connection, options));
  } finally {
    await connection.close();
  }
}

async function connect(temporal: Connections['temporal']): Promise<Connection> {
  const connection = Connection.lazy({ ...clientOptions(temporal), connectTimeout: TIMEOUT_MS });
  try {
    await connection.ensureConnected();
    return connection;
  } catch (error) {
    await connection.close();
    throw error;
  }
}

/** A connection that cannot be had does not say why. */
async function findOutWhy(temporal: Connections['temporal'], todo: string): Promise<never> {
  const trouble = await findTemporalTrouble(temporal, { timeoutMs: TIMEOUT_MS });
  if (trouble?.kind === 'refuses') throw refusal(trouble.reason);
  throw new Ailment(`does not answer: ${trouble?.reason ?? `not within ${TIMEOUT_MS / 1000} s`}`, todo);
}

function refusal(reason: string, found: Partial<Finding> = {}): Ailment {
  const todo = 'Set TEMPORAL_API_KEY, or what TEMPORAL_TLS_… name, to credentials that hold';
  return new Ailment(`answers, but refuses who we are: ${reason}`, todo, found);
}

async function lookInside(
  connection: Connection,
  { temporal, todo, levels, dindLevels = [], isByHand = false }: TemporalToLookAt,
): Promise<TemporalFindings> {
  const namespaces = [...new Set(levels?.map((level) => namespaceOf(temporal, level)))];
  // Where all levels have one of their own, nobody needs the other.
  if (namespaces.length === 0) namespaces.push(temporal.namespace);
  const server = await diagnosed('temporal', todo, () => lookAtNamespaces(connection, temporal, namespaces));
  if (!server.ok) return { diagnoses: [server], aheadMs: undefined };
  const trial = levels && (await tryPriority(connection, namespaces).catch(() => undefined));
  const time = Date.now() + (trial?.aheadMs ?? 0);
  const clientOf = (level: Level) => ({
    level,
    client: new Client({ connection, namespace: namespaceOf(temporal, level) }),
  });
  const served = levels && levels.length > 0 ? { levels, dindLevels, time, todo, isByHand } : undefined;
  const diagnoses = await Promise.all([
    server,
    ...(levels
      ? namespaces.map((one) => lookAtAttributes(connection, { ...temporal, namespace: one }, todo))
      : []),
    ...(served ? [lookAtQueues(connection, temporal, served)] : []),
    served ? lookAtWorkers(connection, temporal, served) : [],
    ...namespaces.map((one) => lookAtRetention(connection, { ...temporal, namespace: one })),
    ...(trial ? [lookAtPriority(trial.isKept)] : []),
    ...(served ? [lookAtCollections(served.levels.map(clientOf), time)] : []),
  ]);
  return { diagnoses: diagnoses.flat(), aheadMs: trial?.aheadMs };
}

async function lookAtNamespaces(
  { workflowService }: Connection,
  { address, uiUrl }: Connections['temporal'],
  namespaces: readonly string[],
): Promise<Finding> {
  const { serverVersion } = await workflowService.getSystemInfo({});
  const found = { version: serverVersion ?? undefined, where: address };
  for (const namespace of namespaces) {
    await workflowService.describeNamespace({ namespace }).catch((error: unknown) => {
      const { kind, reason } = troubleOf(error);
      if (kind === 'refuses') throw refusal(reason, found);
      if (kind === 'away') throw error;
      throw new Ailment(
        `answers, but has no namespace ${namespace}`,
        `Type: ${makeNamespaceCommand({ address, namespace })}`,
        found,
      );
    });
  }
  return { ...found, message: uiUrl ? `answers; its pages are at ${uiUrl}` : 'answers' };
}

function lookAtAttributes(
  { operatorService }: Connection,
  { address, namespace }: Connections['temporal'],
  todo: string,
): Promise<Diagnosis> {
  return diagnosed('search attributes', todo, async () => {
    const { customAttributes } = await operatorService.listSearchAttributes({ namespace });
    const missing = Object.values(attributes).filter(({ name }) => customAttributes?.[name] === undefined);
    if (missing.length === 0) return { message: 'are all there' };
    const flags = missing.map(({ name, type }) => `--name ${name} --type ${TYPES[type]}`);
    throw new Ailment(
      `without ${missing.map(({ name }) => name).join(', ')} no push can be started`,
      `Type: temporal operator search-attribute create --address ${address} --namespace ${namespace} ${flags.join(' ')}`,
    );
  });
}

function lookAtRetention(
  { workflowService }: Connection,
  { address, namespace }: Connections['temporal'],
): Promise<Diagnosis> {
  return diagnosed('retention', 'Look into the pages of Temporal', async () => {
    const { config } = await workflowService.describeNamespace({ namespace });
    const hours = Number(config?.workflowExecutionRetentionTtl?.seconds ?? 0) / 3600;
    const message = `closed workflows are kept for ${hours < 48 ? `${hours} hours` : `${hours / 24} days`}`;
    if (hours >= LEAST_RETENTION_HOURS) return { message };
    throw new Ailment(
      `${message}; then Temporal's pages and the links to them forget a push`,
      `Type: temporal operator namespace update --address ${address} --namespace ${namespace} --retention 168h`,
    );
  });
}

function lookAtPriority(isKept: boolean): Promise<Diagnosis> {
  const todo =
    'Start the server with --dynamic-config-value matching.enableFairness=true (or matching.useNewMatcher=true)';
  return diagnosed('priorities', todo, () =>
    isKept
      ? Promise.resolve({ message: 'are kept' })
      : Promise.reject(new Error('are switched off in Temporal: urgent tasks wait with all others')),
  );
}

function lookAtQueues(
  connection: Connection,
  temporal: Connections['temporal'],
  {
    levels,
    dindLevels,
    time,
    todo,
    isByHand,
  }: Required<Pick<TemporalToLookAt, 'dindLevels' | 'todo' | 'isByHand'>> & {
    readonly levels: readonly Level[];
    /** The server's clock, milliseconds since 1970. */
    readonly time: number;
  },
): Promise<Diagnosis> {
  return diagnosed('queues', todo, async () => {
    const queues = levels.flatMap((level) =>
      [...KINDS, ...(dindLevels.includes(level) ? (['runner-dind'] as const) : [])].map((kind) => ({
        kind,
        level,
        name: queueName(kind, level),
      })),
    );
    const unpolled = await Promise.all(
      levels.map((level) => {
        const names = queues.filter((queue) => queue.level === level).map(({ name }) => name);
        return silentQueues(connection, namespaceOf(temporal, level), names, time);
      }),
    );
    const silent = queues.filter(({ name }) => unpolled.flat().includes(name));
    if (silent.length === 0) return { message: `${queues.map(({ name }) => name).join(', ')} are polled` };
    const byHand = [...new Set(silent.map(({ level }) => level))].map((level) => {
      const kinds = silent.filter((queue) => queue.level === level).map(({ kind }) => kind);
      const isDind = kinds.includes('runner-dind');
      const named = [...new Set(kinds.map((kind) => (kind === 'runner-dind' ? 'runner' : kind)))];
      const words = named.length === KINDS.length ? 'all' : named.join(' ');
      return `slipway worker ${words} --level ${level}${isDind ? ' --dind' : ''}`;
    });
    // Who builds, or runs tasks, asks for no more while all its places are taken.
    const mayBeBusy = silent.every(({ kind }) => kind !== 'control');
    const what = isByHand ? 'workers' : 'the stack again (slipway down && slipway up), or workers by hand';
    throw new Ailment(
      `nobody polls ${silent.map(({ name }) => name).join(', ')}: what is sent there waits`,
      `${mayBeBusy ? 'If they are not all busy, start' : 'Start'} ${what}: ${byHand.join('; ')}`,
    );
  });
}

/**
 * Starts a workflow that nobody carries out, urgently, and sees whether the server lists it as urgent; then deletes it. It also
 * carries the server's time.
 */
async function tryPriority(
  connection: Connection,
  [namespace = 'default']: readonly string[],
): Promise<{ readonly isKept: boolean; readonly aheadMs: number } | undefined> {
  const id = `slipway-doctor-${randomUUID()}`;
  const taskQueue = { name: id };
  const { workflow } = new Client({ connection, namespace });
  const before = Date.now();
  const handle = await workflow.start('slipwayDoctor', {
    taskQueue: id,
    workflowId: id,
    priority: { priorityKey: 1 },
    workflowExecutionTimeout: 60_000,
  });
  try {
    // It began between two moments of this machine.
    const middle = (before + Date.now()) / 2;
    const { startTime } = await handle.describe();
    const aheadMs = startTime.getTime() - middle;
    for (let poll = 0; poll < TRIAL_POLLS; poll += 1) {
      const { statsByPriorityKey } = await connection.workflowService.describeTaskQueue({
        namespace,
        taskQueue,
        taskQueueType: 1,
        reportStats: true,
      });
      const waiting = Object.entries(statsByPriorityKey ?? {}).find(
        ([, stats]) => Number(stats.approximateBacklogCount ?? 0) > 0,
      );
      if (waiting) return { isKept: waiting[0] === '1', aheadMs };
      await delay(TRIAL_POLL_MS);
    }
    return undefined;
  } finally {
    await handle.terminate('doctor has seen enough');
    const workflowExecution = { workflowId: id };
    await connection.workflowService.deleteWorkflowExecution({ namespace, workflowExecution });
  }
}

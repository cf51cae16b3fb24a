import { randomBytes } from 'node:crypto';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CopyObjectCommand,
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  paginateListObjectsV2,
  S3Client,
} from '@aws-sdk/client-s3';
import { Client, Connection } from '@temporalio/client';
import { removeFleet } from '../../docker/sweep.ts';
import type { Level } from '../../model/pure/ids.ts';
import { LEVELS } from '../../model/pure/ids.ts';
import type { Connections } from '../../model/schema/connections.ts';
import { connectionsOfLevel, namespaceOf } from '../../model/schema/connections.ts';
import type { PushDocument } from '../../model/schema/records.ts';
import { ensureLevelNamespaces, ensureNamespace } from '../../stack/temporal-server.ts';
import { bucketPolicy } from '../../store/bucket-policy.ts';
import { openStore } from '../../store/open-store.ts';
import { levelFile, readLevelConnections, STACK_FILE } from '../../workers/connections.ts';
import { fleetTraces } from './fleet-traces.ts';
import type { FaultProxy } from './fault-proxy.ts';
import { startFaultProxy } from './fault-proxy.ts';
import type { WorkerOptions, WorkerProcess } from './live-stack.ts';
import {
  docker,
  LiveApi,
  liveConnections,
  startWorker,
  taskContainers,
  TestRepository,
  until,
} from './live-stack.ts';
import { requireEnv } from './require-env.ts';
import { s3TestConfig } from './s3-test-server.ts';

/** The command of a task that goes on until its gate is opened. */
export const GATED = 'until [ -e /go ]; do sleep 0.2; done';

export type Part = 'store' | 'temporal' | 'engine';

export interface WorldOptions {
  /** Parts that the workers reach through a proxy; the test itself looks at them directly. */
  readonly via?: readonly Part[];
  /** Whether the base image is in the store, for in-tree images on top of it. Default true. */
  readonly base?: boolean;
  /** Levels that get a Temporal namespace of their own. */
  readonly namespaces?: readonly Level[];
}

export interface WorldWorkerOptions extends Omit<WorkerOptions, 'home'> {
  /** What this worker is told instead of the world's own connections: another engine, another address. */
  readonly connections?: Partial<Connections>;
}

/**
 * An installation of its own on the suite's services: a Temporal namespace, a bucket, a fleet and a state directory, so
 * that tests which hurt it run side by side. Its end ends its workers and fails when they have left containers or networks of tasks.
 */
export class World implements AsyncDisposable {
  /** What workers and verbs find; with the addresses of the proxies. */
  readonly connections: Connections;
  readonly home: string;
  /** S3 keys of each level's workers. */
  readonly keys: LevelKeys;
  readonly live: LiveApi;
  readonly proxies: Readonly<Partial<Record<Part, FaultProxy>>>;
  readonly temporal: Client;
  readonly #direct: Connections;
  readonly #s3: S3Client;
  readonly #workers: WorkerProcess[] = [];
  readonly #repositories: TestRepository[] = [];
  #homes = 0;

  private constructor(parts: {
    connections: Connections;
    direct: Connections;
    home: string;
    keys: LevelKeys;
    live: LiveApi;
    proxies: Partial<Record<Part, FaultProxy>>;
    temporal: Client;
    s3: S3Client;
  }) {
    this.connections = parts.connections;
    this.#direct = parts.direct;
    this.home = parts.home;
    this.keys = parts.keys;
    this.live = parts.live;
    this.proxies = parts.proxies;
    this.temporal = parts.temporal;
    this.#s3 = parts.s3;
  }

  static async open(options: WorldOptions = {}): Promise<World> {
    const made: Undo[] = [];
    try {
      return await World.#make(options, made);
    } catch (error) {
      for (const undo of made.reverse()) await undo().catch(() => undefined);
      throw error;
    }
  }

  /** Puts into `made` how to undo what it has made so far. */
  static async #make({ via = [], base = true, namespaces = [] }: WorldOptions, made: Undo[]): Promise<World> {
    const suite = await liveConnections();
    const id = randomBytes(4).toString('hex');
    // A blank and an umlaut: paths of people have them.
    const home = await mkdtemp(join(tmpdir(), 'slipway wörld-'));
    made.push(() => rm(home, { recursive: true, force: true }));
    await cp(join(suite.stateDirectory, 'cache'), join(home, 'cache'), { recursive: true }).catch(
      () => undefined,
    );
    const direct: Connections = {
      ...suite,
      fleet: `w-${id}`,
      temporal: {
        ...suite.temporal,
        namespace: `w-${id}`,
        namespaces: Object.fromEntries(namespaces.map((level) => [`${level}`, `w-${id}-${level}`])),
      },
      store: { ...suite.store, bucket: `w-${id}` },
      serverConfig: join(home, 'slipway.config.yml'),
      stateDirectory: home,
      runtimeDirectory: join('/tmp', `slipway-w-${id}`),
    };
    await mkdir(direct.runtimeDirectory, { mode: 0o700 });
    made.push(() => rm(direct.runtimeDirectory, { recursive: true, force: true }));
    const program = requireEnv('SLIPWAY_TEST_TEMPORAL_CLI', 'the Temporal CLI');
    const signal = AbortSignal.timeout(60_000);
    const s3 = s3Client(s3TestConfig());
    made.push(() => removeBucket(s3, direct.store.bucket));
    await Promise.all([
      ensureNamespace(program, direct.temporal, { env: process.env, signal }),
      ensureLevelNamespaces(program, direct.temporal, { env: process.env, signal }),
      makeBucket(s3, { from: suite.store.bucket, to: direct.store.bucket, base }),
    ]);
    const keys = await levelKeys(suite);
    await setPolicy(direct.store.bucket, suite, keys);
    const { proxies, connections } = await throughProxies(direct, via, made);
    await writeStack(home, connections, keys);
    const connection = await Connection.connect({ address: direct.temporal.address });
    made.push(() => connection.close());
    const temporal = new Client({ connection, namespace: direct.temporal.namespace });
    // Looks at the parts themselves, whatever befalls the workers.
    const lookingHome = join(home, 'looking');
    await writeStack(lookingHome, direct, keys);
    const live = await LiveApi.open(lookingHome);
    return new World({ connections, direct, home, keys, live, proxies, temporal, s3 });
  }

  get fleet(): string {
    return this.#direct.fleet;
  }

  proxy(part: Part): FaultProxy {
    const proxy = this.proxies[part];
    if (!proxy) throw new Error(`This world has no proxy in front of its ${part}`);
    return proxy;
  }

  /** Temporal as a level sees it: in its own namespace, where it has one. */
  temporalOf(level: Level): Client {
    const namespace = namespaceOf(this.#direct.temporal, level);
    return new Client({ connection: this.temporal.connection, namespace });
  }

  /** A worker process; ended with the world. */
  async startWorker(
    level: Level = 1,
    kinds: readonly string[] = ['all'],
    { connections, ...options }: WorldWorkerOptions = {},
  ): Promise<WorkerProcess> {
    let home = this.home;
    if (connections) {
      home = join(this.home, `home-${(this.#homes += 1)}`);
      await cp(join(this.home, 'cache'), join(home, 'cache'), { recursive: true }).catch(() => undefined);
      const own = { ...this.connections, stateDirectory: home, ...connections };
      // Another server knows its own keys only.
      const isOwnServer = own.store.accessKeyId === this.connections.store.accessKeyId;
      await writeStack(home, own, isOwnServer ? this.keys : undefined);
    }
    const worker = await startWorker(level, kinds, { ...options, home });
    this.#workers.push(worker);
    return worker;
  }

  /** A git repository whose refs have these levels, of a project that is granted this; removed with the world. */
  async createRepository(
    refs?: Readonly<Record<string, Level>>,
    grants: Readonly<Record<string, unknown>> = {},
  ): Promise<TestRepository> {
    const repository = await TestRepository.create(refs, { home: this.home, grants });
    this.#repositories.push(repository);
    return repository;
  }

  start: LiveApi['start'] = (...args) => this.live.start(...args);
  push: LiveApi['push'] = (...args) => this.live.push(...args);
  verdict = (pushId: string): Promise<PushDocument> => this.live.verdict(pushId);
  log: LiveApi['log'] = (...args) => this.live.log(...args);
  artifact: LiveApi['artifact'] = (...args) => this.live.artifact(...args);

  /** Names of its task containers in the engine now. */
  containers(): Promise<readonly string[]> {
    return taskContainers(this.fleet);
  }

  /** Lets the run of a task whose command is {@link GATED} end, as soon as it has begun. */
  async openGate(label: string): Promise<void> {
    await until(async () => {
      const name = (await this.containers()).find((one) => one.endsWith(`-${label}`));
      return (
        name !== undefined &&
        (await docker('exec', name, 'touch', '/go').then(
          () => true,
          () => false,
        ))
      );
    });
  }

  /** Names of its networks in the engine now. */
  async networks(): Promise<readonly string[]> {
    const label = `label=slipway.fleet=${this.fleet}`;
    const names = await docker('network', 'ls', '--filter', label, '--format', '{{.Name}}');
    return names.split('\n').filter((name) => name !== '');
  }

  /** Keys of its bucket that begin so, in order. */
  async objects(prefix = ''): Promise<readonly string[]> {
    return (await keysBelow(this.#s3, this.#bucket, prefix)).sort();
  }

  /** What lies under a key, as text. */
  async object(Key: string): Promise<string> {
    const { Body } = await this.#s3.send(new GetObjectCommand({ Bucket: this.#bucket, Key }));
    return (await Body?.transformToString()) ?? '';
  }

  /** The environment of docs/operate.md for workers of level 1 whose state is in a directory, and nothing that `up` has written. */
  environmentByHand(home: string): NodeJS.ProcessEnv {
    const { temporal, store, fleet } = this.connections;
    return {
      SLIPWAY_HOME: home,
      TEMPORAL_ADDRESS: temporal.address,
      TEMPORAL_NAMESPACE: temporal.namespace,
      SLIPWAY_S3_ENDPOINT: store.endpoint,
      SLIPWAY_S3_BUCKET: store.bucket,
      AWS_ACCESS_KEY_ID: this.keys[1].accessKeyId,
      AWS_SECRET_ACCESS_KEY: this.keys[1].secretAccessKey,
      SLIPWAY_FLEET: fleet,
    };
  }

  /** Keys of multipart uploads that nobody has completed or aborted. */
  async unfinishedUploads(): Promise<readonly string[]> {
    const { Uploads = [] } = await this.#s3.send(new ListMultipartUploadsCommand({ Bucket: this.#bucket }));
    return Uploads.map(({ Key = '' }) => Key);
  }

  /** Ids of the workflows that are open, but for the looks that a schedule starts. */
  async openWorkflows(): Promise<readonly string[]> {
    const ids: string[] = [];
    const query = "ExecutionStatus='Running' AND WorkflowType != 'settle' AND WorkflowType != 'gc'";
    for await (const { workflowId } of this.temporal.workflow.list({ query })) ids.push(workflowId);
    return ids.sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const proxy of Object.values(this.proxies)) proxy.pass();
    await Promise.all(this.#workers.map(endWorker));
    const left = [...(await fleetTraces(this.fleet, 'task')), ...(await fleetTraces(this.fleet, 'dind'))];
    await removeFleet(this.#direct.runnerEngine, this.fleet, { volumes: true });
    const stayed = await fleetTraces(this.fleet);
    for (const level of LEVELS)
      for (const schedule of [`settle-${level}`, `gc-${level}`])
        await this.temporalOf(level)
          .schedule.getHandle(schedule)
          .delete()
          .catch(() => undefined);
    for (const id of await this.openWorkflows())
      await this.temporal.workflow
        .getHandle(id)
        .terminate('the test is over')
        .catch(() => undefined);
    await this.live.close();
    await this.temporal.connection.close();
    for (const proxy of Object.values(this.proxies)) await proxy[Symbol.asyncDispose]();
    await removeBucket(this.#s3, this.#bucket);
    for (const repository of this.#repositories) await repository[Symbol.asyncDispose]();
    for (const directory of [this.home, this.#direct.runtimeDirectory])
      await rm(directory, { recursive: true, force: true });
    if (left.length > 0) throw new Error(`The workers left: ${left.join(', ')}`);
    if (stayed.length > 0) throw new Error(`Removing the fleet left: ${stayed.join(', ')}`);
  }

  get #bucket(): string {
    return this.#direct.store.bucket;
  }
}

type Undo = () => Promise<unknown>;

async function removeBucket(s3: S3Client, Bucket: string): Promise<void> {
  for (const Key of await keysBelow(s3, Bucket, '')) await s3.send(new DeleteObjectCommand({ Bucket, Key }));
  await s3.send(new DeleteBucketCommand({ Bucket })).catch(() => undefined);
  s3.destroy();
}

/** A stopped process takes no SIGTERM, and one that does not end must not keep the suite. */
async function endWorker(worker: WorkerProcess): Promise<void> {
  if (worker.hasEnded()) return;
  worker.kill('SIGCONT');
  const killer = setTimeout(() => worker.kill('SIGKILL'), 40_000);
  await worker.stop();
  clearTimeout(killer);
}

/** As `up` does: what clients read, and beside it what the workers of each level read. */
async function writeStack(
  home: string,
  connections: Connections,
  keys: LevelKeys | undefined,
): Promise<void> {
  await mkdir(join(home, 'levels'), { recursive: true, mode: 0o700 });
  await writeFile(join(home, STACK_FILE), JSON.stringify(connections), { mode: 0o600 });
  if (!keys) return;
  for (const level of LEVELS) {
    const own = connectionsOfLevel(connections, level);
    const text = JSON.stringify({ ...own, store: { ...own.store, ...keys[level] } });
    await writeFile(join(home, levelFile(level)), text, { mode: 0o600 });
  }
}

type LevelKeys = Readonly<
  Record<Level, Required<Pick<Connections['store'], 'accessKeyId' | 'secretAccessKey'>>>
>;

/** The keys that the suite's stack gave to its levels. */
async function levelKeys({ stateDirectory }: Connections): Promise<LevelKeys> {
  const keysOf = async (level: Level): Promise<LevelKeys[Level]> => {
    const { store } = await readLevelConnections({ SLIPWAY_HOME: stateDirectory }, level);
    return { accessKeyId: store.accessKeyId ?? '', secretAccessKey: store.secretAccessKey ?? '' };
  };
  return { 1: await keysOf(1), 2: await keysOf(2), 3: await keysOf(3) };
}

async function setPolicy(bucket: string, suite: Connections, keys: LevelKeys): Promise<void> {
  const { objects, close } = openStore({ ...s3TestConfig(), bucket });
  const levels = { 1: keys[1].accessKeyId, 2: keys[2].accessKeyId, 3: keys[3].accessKeyId };
  await objects.setPolicy(bucketPolicy(bucket, { client: suite.store.accessKeyId ?? '', levels }));
  close();
}

function s3Client({ endpoint, region, accessKeyId, secretAccessKey }: Connections['store']): S3Client {
  const credentials = accessKeyId && secretAccessKey ? { accessKeyId, secretAccessKey } : undefined;
  return new S3Client({ endpoint, region, credentials, forcePathStyle: true });
}

/** A bucket with the base image of the suite's bucket: copying in the server is quicker than publishing anew. */
async function makeBucket(
  s3: S3Client,
  { from, to, base }: { readonly from: string; readonly to: string; readonly base: boolean },
): Promise<void> {
  await s3.send(new CreateBucketCommand({ Bucket: to }));
  if (!base) return;
  const records = await keysBelow(s3, from, 'level-3/index/_shared/bases/');
  const read = async (Key: string): Promise<string> => {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: from, Key }));
    return (await Body?.transformToString()) ?? '';
  };
  const copy = (Key: string): Promise<unknown> =>
    s3.send(new CopyObjectCommand({ Bucket: to, Key, CopySource: encodeURI(`${from}/${Key}`) }));
  for (const record of records) {
    const { manifestDigest } = JSON.parse(await read(record)) as { manifestDigest: string };
    const manifest = await read(blobKey(manifestDigest));
    const digests = manifest.match(/sha256:[0-9a-f]{64}/g) ?? [];
    await Promise.all([manifestDigest, ...new Set(digests)].map((digest) => copy(blobKey(digest))));
    await copy(record);
  }
}

function blobKey(digest: string): string {
  return `blobs/sha256/${digest.replace('sha256:', '')}`;
}

async function keysBelow(client: S3Client, Bucket: string, Prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { Contents = [] } of paginateListObjectsV2({ client }, { Bucket, Prefix }))
    keys.push(...Contents.map(({ Key = '' }) => Key));
  return keys;
}

async function throughProxies(
  direct: Connections,
  via: readonly Part[],
  made: Undo[],
): Promise<{ proxies: Partial<Record<Part, FaultProxy>>; connections: Connections }> {
  const proxies: Partial<Record<Part, FaultProxy>> = {};
  let connections = direct;
  made.push(async () => {
    for (const proxy of Object.values(proxies)) await proxy[Symbol.asyncDispose]();
  });
  const portOf = (url: string): number => Number(new URL(url).port);
  const listeningPort = ({ address }: FaultProxy): number => ('port' in address ? address.port : 0);
  if (via.includes('store')) {
    proxies.store = await startFaultProxy({ port: portOf(direct.store.endpoint ?? '') });
    const endpoint = `http://127.0.0.1:${listeningPort(proxies.store)}`;
    connections = { ...connections, store: { ...connections.store, endpoint } };
  }
  if (via.includes('temporal')) {
    proxies.temporal = await startFaultProxy({ port: portOf(`http://${direct.temporal.address}`) });
    const address = `127.0.0.1:${listeningPort(proxies.temporal)}`;
    connections = { ...connections, temporal: { ...connections.temporal, address } };
  }
  if (via.includes('engine')) {
    const path = join(direct.runtimeDirectory, 'engine.sock');
    proxies.engine = await startFaultProxy({ path: direct.runnerEngine.replace('unix://', '') }, { path });
    connections = { ...connections, runnerEngine: `unix://${path}` };
  }
  return { proxies, connections };
}

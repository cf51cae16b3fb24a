import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, openSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { stringify } from 'yaml';
import type { SlipwayApi, StartPush } from '../../client/api.ts';
import { ownCommand } from '../../client/cli/own-command.ts';
import { openApi } from '../../client/temporal-api.ts';
import type { Level } from '../../model/pure/ids.ts';
import type { Connections } from '../../model/schema/connections.ts';
import type { PushDocument } from '../../model/schema/records.ts';
import { readConnections } from '../../workers/connections.ts';
import { readServerConfig } from '../../workers/server-config.ts';
import { requireEnv } from './require-env.ts';

const exec = promisify(execFile);

/** The stack that the suite runs on, found as every verb finds it; or the one that a home directory names. */
export async function liveConnections(home?: string): Promise<Connections> {
  requireEnv('SLIPWAY_TEST_ENGINE', 'a running stack');
  return readConnections(home === undefined ? process.env : { SLIPWAY_HOME: home });
}

export interface WorkerProcess {
  readonly pid: number;
  /** What it wrote to stdout and stderr. */
  readonly logPath: string;
  /** Whether it has ended. */
  readonly hasEnded: () => boolean;
  kill(signal: NodeJS.Signals): void;
  /** Drains it and waits for its end. */
  stop(): Promise<void>;
}

export interface WorkerOptions {
  /** State directory whose stack it serves. */
  readonly home: string;
  /** Beside or instead of this process's environment. */
  readonly env?: NodeJS.ProcessEnv;
  /** Further options of `slipway worker`. */
  readonly arguments?: readonly string[];
}

/** A worker process of a level, as `up` starts it; ready when every queue is polled. */
export async function startWorker(
  level: Level,
  kinds: readonly string[],
  options: WorkerOptions,
): Promise<WorkerProcess> {
  const { home } = options;
  const id = randomBytes(4).toString('hex');
  const ready = join(home, `ready-${id}`);
  await mkdir(join(home, 'logs'), { recursive: true });
  const logPath = join(home, 'logs', `worker-${level}-${id}.log`);
  const log = openSync(logPath, 'a');
  const [node, ...args] = ownCommand(
    'worker',
    ...kinds,
    '--level',
    String(level),
    '--ready-file',
    ready,
    ...(options.arguments ?? []),
  );
  // Node options of the test run (ESM in jest) are not the worker's.
  const env = { ...process.env, NODE_OPTIONS: '', SLIPWAY_HOME: home, ...options.env };
  const child: ChildProcess = spawn(node, args, { env, stdio: ['ignore', log, log] });
  closeSync(log);
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const { pid } = child;
  if (pid === undefined) throw new Error('The worker was not started');
  try {
    await until(() => {
      if (child.exitCode !== null) throw new Error(`The worker of level ${level} ended: see ${logPath}`);
      return existsSync(ready);
    });
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
  return {
    pid,
    logPath,
    hasEnded: () => child.exitCode !== null || child.signalCode !== null,
    kill: (signal) => void child.kill(signal),
    stop: async () => {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/** Per server configuration: the projects that it names. */
const projectsOf = new Map<string, Record<string, unknown>>();

/** All projects of a test file share one trust domain, so that they share one builder's engine. */
export const TEST_DOMAIN = 'e2e';

/** Says who is what; read anew by the workers at each plan. */
async function configure(
  serverConfig: string,
  project: string,
  fields: Readonly<Record<string, unknown>>,
): Promise<void> {
  const projects = projectsOf.get(serverConfig) ?? {};
  projects[project] = { trustDomain: TEST_DOMAIN, ...fields };
  projectsOf.set(serverConfig, projects);
  await writeFile(serverConfig, stringify({ version: 1, projects }));
}

/** A git repository in a directory of its own. */
export class TestRepository {
  readonly path: string;
  readonly project: string;
  readonly #serverConfig: string;
  readonly #grants: Readonly<Record<string, unknown>>;

  private constructor(
    path: string,
    project: string,
    {
      serverConfig,
      grants,
    }: { readonly serverConfig: string; readonly grants: Readonly<Record<string, unknown>> },
  ) {
    this.path = path;
    this.project = project;
    this.#serverConfig = serverConfig;
    this.#grants = grants;
  }

  /** Every ref has the level that is given; `grants` are further fields of the project's configuration. */
  static async create(
    refs: Readonly<Record<string, Level>> = { '*': 1 },
    { home, grants = {} }: { readonly home: string; readonly grants?: Readonly<Record<string, unknown>> },
  ): Promise<TestRepository> {
    const { serverConfig } = await liveConnections(home);
    const project = `p${randomBytes(4).toString('hex')}`;
    const path = join(await mkdtemp(join(tmpdir(), 'slipway-e2e-')), project);
    await mkdir(path);
    const repository = new TestRepository(path, project, { serverConfig, grants });
    await repository.git('init', '--quiet', '--initial-branch', 'main');
    await configure(serverConfig, project, { ...grants, sources: [{ repository: repository.url, refs }] });
    return repository;
  }

  /** An empty bare repository beside this one, a source of the same project. */
  async addBare(): Promise<string> {
    const bare = `${this.path}.git`;
    await exec('git', ['init', '--quiet', '--bare', bare]);
    const sources = [this.url, pathToFileURL(bare).href].map((repository) => ({
      repository,
      refs: { '*': 1 },
    }));
    await configure(this.#serverConfig, this.project, { ...this.#grants, sources });
    return bare;
  }

  get url(): string {
    return pathToFileURL(this.path).href;
  }

  async git(...args: string[]): Promise<string> {
    const identity = ['-c', 'user.name=Somebody', '-c', 'user.email=somebody@example.invalid'];
    const { stdout } = await exec('git', ['-C', this.path, ...identity, ...args]);
    return stdout.trim();
  }

  /** Writes files (an object that is no buffer becomes YAML), commits, and gives the revision. */
  async commit(files: Readonly<Record<string, unknown>>): Promise<string> {
    for (const [name, content] of Object.entries(files)) {
      const path = join(this.path, name);
      await mkdir(dirname(path), { recursive: true });
      const isAsItIs = typeof content === 'string' || Buffer.isBuffer(content);
      await writeFile(path, isAsItIs ? content : stringify(content));
    }
    await this.git('add', '--all');
    await this.git('commit', '--quiet', '--allow-empty', '--message', 'A change');
    return this.git('rev-parse', 'HEAD');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(dirname(this.path), { recursive: true, force: true });
  }
}

/** The verbs' interface on the live stack, with a shorthand that pushes and waits for the verdict. */
export class LiveApi {
  readonly api: SlipwayApi;
  readonly #connections: Connections;

  private constructor(api: SlipwayApi, connections: Connections) {
    this.api = api;
    this.#connections = connections;
  }

  static async open(home: string): Promise<LiveApi> {
    const connections = await liveConnections(home);
    return new LiveApi(
      await openApi(connections, await readServerConfig(connections.serverConfig)),
      connections,
    );
  }

  async start(
    repository: TestRepository,
    revision: string,
    options: Partial<StartPush> = {},
  ): Promise<string> {
    const push = {
      repository: repository.url,
      ref: 'refs/heads/main',
      revision,
      request: {},
      pushedBy: 'somebody',
      ...options,
    };
    // Its own interface each time: a client reads the configuration when it begins.
    const api = await openApi(this.#connections, await readServerConfig(this.#connections.serverConfig));
    try {
      return (await api.start(push)).pushId;
    } finally {
      await api.close();
    }
  }

  async push(
    repository: TestRepository,
    revision: string,
    options: Partial<StartPush> = {},
  ): Promise<PushDocument> {
    return this.verdict(await this.start(repository, revision, options));
  }

  async verdict(pushId: string): Promise<PushDocument> {
    let last: PushDocument | undefined;
    for await (const document of this.api.follow(pushId, AbortSignal.timeout(600_000))) last = document;
    if (!last) throw new Error(`${pushId} has no document`);
    return last;
  }

  async log(taskId: string): Promise<string> {
    const parts: Buffer[] = [];
    for await (const part of this.api.log(taskId, { follow: false, signal: AbortSignal.timeout(120_000) }))
      parts.push(part);
    return Buffer.concat(parts).toString('utf8');
  }

  async artifact(taskId: string, name: string): Promise<Buffer> {
    const { body } = await this.api.download(taskId, name, { signal: AbortSignal.timeout(120_000) });
    const parts: Buffer[] = [];
    for await (const part of body as AsyncIterable<Buffer>) parts.push(part);
    return Buffer.concat(parts);
  }

  close(): Promise<void> {
    return this.api.close();
  }
}

/** `label: state/reason` of every task, sorted by label. */
export function statesOf(document: PushDocument): Readonly<Record<string, string>> {
  return Object.fromEntries(
    document.tasks.map(({ label, state, reason }) => [label, `${state}/${reason ?? ''}`]).sort(),
  );
}

/** `name: outcome` of every image. */
export function outcomesOf(document: PushDocument): Readonly<Record<string, string>> {
  return Object.fromEntries(document.images.map(({ name, outcome }) => [name, outcome]).sort());
}

/** Docker as seen from outside, by its own client. */
export async function docker(...args: string[]): Promise<string> {
  const { stdout } = await exec('docker', args, {
    env: { ...process.env, DOCKER_HOST: requireEnv('SLIPWAY_TEST_ENGINE', 'a Docker Engine') },
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout.trim();
}

/** Takes an image out of the engine by all of its names, among them those that tell of its use; no error when it is not there. */
export async function forgetImage(reference: string): Promise<void> {
  const id = await docker('inspect', '--format', '{{.Id}}', reference).catch(() => undefined);
  if (id !== undefined) await docker('rmi', '--force', id);
}

/** Names of a fleet's task containers that are in the runner's engine now. */
export async function taskContainers(
  fleet: string,
  kind: 'task' | 'sidecar' = 'task',
): Promise<readonly string[]> {
  const names = await docker(
    'ps',
    '--all',
    '--filter',
    `label=slipway.fleet=${fleet}`,
    '--filter',
    `label=slipway.kind=${kind}`,
    '--format',
    '{{.Names}}',
  );
  return names.split('\n').filter((name) => name !== '');
}

export async function until(holds: () => boolean | Promise<boolean>, patienceMs = 300_000): Promise<void> {
  const end = Date.now() + patienceMs;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error('It did not come to hold');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

import { spawn } from 'node:child_process';
import { devNull } from 'node:os';
import { buffer } from 'node:stream/consumers';

export interface GitOptions {
  readonly signal?: AbortSignal | undefined;
  /** Written to standard input. */
  readonly input?: string;
  readonly environment?: NodeJS.ProcessEnv;
  /**
   * For commands that run what the repository's configuration names, as filters: git refuses a repository of somebody else's, unless
   * `safe.directory` of the user's configuration says otherwise. Default: the owner does not matter.
   */
  readonly asUser?: boolean;
}

export interface GitResult {
  readonly exitCode: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** Settings of every git process: nothing of the repository or its sender makes git run, ask or fetch something else. */
const SETTINGS: readonly string[] = [
  'core.hooksPath=/dev/null',
  'core.fsmonitor=false',
  'core.askPass=',
  'log.showSignature=false',
  'i18n.logOutputEncoding=UTF-8',
  'core.filesRefLockTimeout=300',
  'core.packedRefsTimeout=2000',
  'core.bigFileThreshold=32m',
  // A pack appears whole or not at all, loose objects one by one: a commit that is there has all it needs.
  'fetch.unpackLimit=1',
  'gc.auto=0',
  'maintenance.auto=false',
  'submodule.recurse=false',
  'fetch.recurseSubmodules=false',
  'protocol.allow=never',
  'http.lowSpeedLimit=1000',
  'http.lowSpeedTime=60',
];
const ANY_OWNER = 'safe.directory=*';
/** ssh asks nothing, and gives a server up that is silent for a minute, as https does by the settings above. */
const SSH_OPTIONS: readonly string[] = [
  '-oBatchMode=yes',
  '-oConnectTimeout=30',
  '-oServerAliveInterval=15',
  '-oServerAliveCountMax=4',
];

/**
 * Environment for reading a repository that may be anybody's. Variables of a calling git (hooks set GIT_DIR and more)
 * and the user's own configuration are left out; `configFile` stands in for the latter.
 */
export function gitEnvironment(
  transports: readonly string[],
  configFile: string = devNull,
): NodeJS.ProcessEnv {
  return {
    ...environmentWithoutGit(),
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: configFile,
    // Overrides every protocol.*.allow; an empty list allows none.
    GIT_ALLOW_PROTOCOL: transports.join(':'),
    GIT_PROTOCOL_FROM_USER: '0',
    GIT_TERMINAL_PROMPT: '0',
    GIT_ASKPASS: '',
    SSH_ASKPASS: '',
    GIT_SSH_COMMAND: `ssh ${SSH_OPTIONS.join(' ')}`,
    GIT_OPTIONAL_LOCKS: '0',
    GIT_NO_REPLACE_OBJECTS: '1',
    LC_ALL: 'C',
  };
}

/** The environment of this process without what belongs to a calling git. */
export function environmentWithoutGit(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('GIT_')));
}

/** Arguments that make any git command one of ours. */
export function gitArguments(
  directory: string,
  args: readonly string[],
  { asUser = false }: Pick<GitOptions, 'asUser'> = {},
): string[] {
  const settings = asUser ? SETTINGS : [...SETTINGS, ANY_OWNER];
  return ['-C', directory, ...settings.flatMap((setting) => ['-c', setting]), ...args];
}

/** Runs git in a directory and gives what it said, whatever its exit code. Rejects with the signal's reason when aborted, and when git cannot be started. */
export async function runGit(
  directory: string,
  args: readonly string[],
  options: GitOptions = {},
): Promise<GitResult> {
  const { signal, input, environment = gitEnvironment([]) } = options;
  signal?.throwIfAborted();
  const child = spawn('git', gitArguments(directory, args, options), {
    env: environment,
    stdio: ['pipe', 'pipe', 'pipe'],
    signal,
  });
  const exited = new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? -1));
  });
  // A git that ends without reading its input is told by its exit code, not by EPIPE.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input ?? '');
  try {
    const [exitCode, stdout, stderr] = await Promise.all([
      exited,
      buffer(child.stdout),
      buffer(child.stderr),
    ]);
    return { exitCode, stdout, stderr: stderr.toString('utf8').trim() };
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}

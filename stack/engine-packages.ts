import { SetupFailed } from '../model/errors.ts';
import { findProgram, widePath } from './find-program.ts';
import { reportStep } from './report-step.ts';
import { CommandFailed, runCommand } from './run-command.ts';
import type { StackOptions } from './stack-options.ts';

/** Programs that a private engine needs, and the distribution's packages that have them. */
const ENGINE_PROGRAMS = {
  dockerd: 'docker.io',
  containerd: 'containerd',
  runc: 'runc',
  iptables: 'iptables',
  ip: 'iproute2',
} as const;

const ENGINE_TODO =
  'Install Docker (as root: apt-get install docker.io containerd runc iptables iproute2), or set SLIPWAY_DOCKER_HOST to an engine that runs';

/** Where dockerd is, installed from the distribution when it is missing; for root only. @throws {SetupFailed} */
export async function ensureEnginePackages(options: StackOptions): Promise<string> {
  await ensurePackages(options, {
    part: 'engine',
    title: 'Docker Engine',
    programs: ENGINE_PROGRAMS,
    todo: ENGINE_TODO,
  });
  const dockerd = await findProgram('dockerd', options.env);
  if (!dockerd)
    throw new SetupFailed('Docker Engine is missing', 'its package brought no dockerd', ENGINE_TODO);
  return dockerd;
}

/** Why this process may not install packages and start an engine, or undefined when it may. */
export function whyNotRoot(): string | undefined {
  if (process.platform !== 'linux') return `this is ${process.platform}, not Linux`;
  return process.getuid?.() === 0 ? undefined : 'only root can do that';
}

/** One apt-get at a time: it holds a lock. */
let aptQueue: Promise<unknown> = Promise.resolve();

/** Makes sure that programs are there, installing the packages of those that are missing. @throws {SetupFailed} */
export async function ensurePackages(
  options: StackOptions,
  wanted: {
    readonly part: string;
    readonly title: string;
    readonly programs: Readonly<Record<string, string>>;
    readonly todo: string;
  },
): Promise<void> {
  const turn = aptQueue.then(() => installMissing(options, wanted));
  aptQueue = turn.catch(() => undefined);
  await turn;
}

async function installMissing(
  options: StackOptions,
  wanted: Parameters<typeof ensurePackages>[1],
): Promise<void> {
  const missing: string[] = [];
  for (const [program, name] of Object.entries(wanted.programs)) {
    if (!(await findProgram(program, options.env))) missing.push(name);
  }
  if (missing.length === 0) return;
  const apt = await findProgram('apt-get', options.env);
  if (!apt || whyNotRoot()) {
    const why = apt ? 'only root can install packages' : 'this system has no apt-get';
    throw new SetupFailed(`${wanted.title} is missing (${missing.join(', ')})`, why, wanted.todo);
  }
  await reportStep(options, wanted.part, {
    doing: `installing the distribution's packages ${missing.join(' ')} with apt-get`,
    done: () => `installed ${missing.join(' ')}`,
    run: async (note) => {
      const settings = {
        env: { ...options.env, PATH: widePath(options.env), DEBIAN_FRONTEND: 'noninteractive' },
        signal: options.signal,
        note,
      };
      try {
        await runCommand([apt, 'update'], settings);
        await runCommand([apt, 'install', '-y', '--no-install-recommends', ...missing], settings);
      } catch (error) {
        if (!(error instanceof CommandFailed)) throw error;
        throw new SetupFailed(`${wanted.title} could not be installed`, error.message, wanted.todo, {
          cause: error,
        });
      }
    },
  });
}

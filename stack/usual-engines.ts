import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';

export interface UsualEngine {
  readonly address: string;
  /** In words, for people. */
  readonly source: string;
}

const configSchema = z.object({ currentContext: z.string().optional() });
const contextSchema = z.object({ Endpoints: z.object({ docker: z.object({ Host: z.string() }) }) });

/** Where engines usually are on a machine, the one first that `docker` itself would take. */
export async function usualEngines(env: NodeJS.ProcessEnv): Promise<readonly UsualEngine[]> {
  const home = env['HOME'] || homedir();
  const runtime = env['XDG_RUNTIME_DIR'] || `/run/user/${process.getuid?.() ?? 0}`;
  const context = await contextEngine(env, env['DOCKER_CONFIG'] || join(home, '.docker'));
  return [
    ...(context ? [context] : []),
    { address: 'unix:///var/run/docker.sock', source: 'the host' },
    { address: socketAt(runtime, 'docker.sock'), source: 'rootless Docker of this user' },
    { address: socketAt(home, '.docker/run/docker.sock'), source: 'Docker Desktop' },
    { address: socketAt(home, '.docker/desktop/docker.sock'), source: 'Docker Desktop' },
  ];
}

/** The engine of docker's current context, unless that is the usual socket or one that needs more than an address. */
async function contextEngine(env: NodeJS.ProcessEnv, directory: string): Promise<UsualEngine | undefined> {
  try {
    const name = env['DOCKER_CONTEXT'] || (await currentContext(directory));
    if (!name || name === 'default') return undefined;
    const id = createHash('sha256').update(name).digest('hex');
    const meta = contextSchema.parse(
      JSON.parse(await readFile(join(directory, 'contexts', 'meta', id, 'meta.json'), 'utf8')),
    );
    const address = meta.Endpoints.docker.Host;
    return /^(unix|tcp):/.test(address) ? { address, source: `docker's context ${name}` } : undefined;
  } catch {
    // No such context, or a file of docker's that we do not understand: the usual places remain.
    return undefined;
  }
}

async function currentContext(directory: string): Promise<string | undefined> {
  return configSchema.parse(JSON.parse(await readFile(join(directory, 'config.json'), 'utf8')))
    .currentContext;
}

function socketAt(directory: string, path: string): string {
  return `unix://${encodeURI(join(directory, path))}`;
}

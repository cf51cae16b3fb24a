import { canConnect } from './can-connect.ts';
import { checkStore } from './check-store.ts';
import { diagnosed } from './diagnosis.ts';
import type { Diagnosis } from './diagnosis.ts';
import { whyNotRoot } from './engine-packages.ts';
import { findEngine } from './find-engine.ts';
import { findProgram } from './find-program.ts';
import { findTool } from './tool.ts';
import type { Tool } from './tool.ts';
import { givenStore } from './s3-server.ts';
import { S3_TOOL } from './s3-tool.ts';
import { givenTemporal } from './temporal-server.ts';
import { TEMPORAL_TOOL } from './temporal-tool.ts';

type Found = Omit<Diagnosis, 'part' | 'ok' | 'todo'>;

/** Says of every service of a stack that does not run whether `up` can get it here. */
export async function diagnoseMissing(env: NodeJS.ProcessEnv): Promise<readonly Diagnosis[]> {
  return Promise.all([
    diagnosed('temporal', TEMPORAL_TOOL.otherwise, async () => {
      const given = givenTemporal(env);
      if (!given) return lookForTool(TEMPORAL_TOOL, env);
      if (!(await canConnect(given.address, 5_000)))
        throw new Error(`${given.address} (TEMPORAL_ADDRESS) accepts no connection`);
      return { where: given.address, message: 'is given by TEMPORAL_ADDRESS and accepts connections' };
    }),
    diagnosed('s3', S3_TOOL.otherwise, async () => {
      const given = givenStore(env);
      if (!given) return lookForTool(S3_TOOL, env);
      await checkStore(given, AbortSignal.timeout(30_000));
      return { where: given.endpoint, message: 'is given by SLIPWAY_S3_ENDPOINT and keeps what it must' };
    }),
    diagnosed('engine', 'Start Docker, or set SLIPWAY_DOCKER_HOST to an engine that runs', () =>
      lookForEngine(env),
    ),
  ]);
}

async function lookForTool(tool: Tool, env: NodeJS.ProcessEnv): Promise<Found> {
  const where = await findTool(tool, { env, signal: AbortSignal.timeout(15_000) });
  if (where)
    return {
      version: where.includes(tool.version) ? tool.version : undefined,
      where,
      message: `${tool.title} is there; up starts it`,
    };
  const go = await findProgram('go', env);
  if (!go) throw new Error(`${tool.title} is missing, and there is no Go to build it with`);
  return { where: go, message: `up builds ${tool.title} ${tool.version} with Go` };
}

async function lookForEngine(env: NodeJS.ProcessEnv): Promise<Found> {
  const found = await findEngine(env);
  if (found) return { version: found.version, where: found.address, message: `answers (${found.source})` };
  const why = whyNotRoot();
  if (why) throw new Error(`no engine answers, and a private one cannot be started: ${why}`);
  const dockerd = await findProgram('dockerd', env);
  if (dockerd) return { where: dockerd, message: 'none answers; up starts a private one' };
  if (!(await findProgram('apt-get', env)))
    throw new Error('no engine answers, and there is no apt-get to install one');
  return { message: "none is there; up installs the distribution's packages and starts a private one" };
}

import { whyTooOld } from '../../docker/usable-engine.ts';
import type { Connections } from '../../model/schema/connections.ts';
import type { Diagnosis } from '../../model/schema/diagnosis.ts';
import { canConnect } from '../can-connect.ts';
import { EngineAccess } from '../engine-access.ts';
import { whyNotRoot } from '../engine-packages.ts';
import { explainNoEngine, lookForEngine } from '../find-engine.ts';
import { findProgram } from '../find-program.ts';
import { givenStore } from '../s3-server.ts';
import { S3_TOOL } from '../s3-tool.ts';
import { findSettings } from '../settings.ts';
import type { StatePaths } from '../state-directory.ts';
import { TEMPORAL_TOOL } from '../temporal-tool.ts';
import { Ailment, diagnosed } from './diagnosed.ts';
import { lookForTool } from './look-for-tool.ts';
import { lookAtStore } from './look-at-store.ts';

/** Says of every part of a stack that does not run, other than a given Temporal, whether `up` can get it here. */
export async function lookForParts(paths: StatePaths, env: NodeJS.ProcessEnv): Promise<readonly Diagnosis[]> {
  return Promise.all([
    ...(env['TEMPORAL_ADDRESS'] ? [] : [lookForTool(TEMPORAL_TOOL, env)]),
    lookForStore(env),
    lookForEngineHere(env),
    lookForBase(env),
    lookAtPorts(paths),
  ]);
}

async function lookForStore(env: NodeJS.ProcessEnv): Promise<Diagnosis> {
  let given: Connections['store'] | undefined;
  const broken = await diagnosed('s3', 'Set both of them or none', () => {
    given = givenStore(env);
    return Promise.resolve({ message: '' });
  });
  if (!broken.ok) return broken;
  if (!given) return lookForTool(S3_TOOL, env);
  return lookAtStore(given, {
    todo: 'Start the server that SLIPWAY_S3_ENDPOINT names, or unset it to have one started',
    madeBy: 'next up',
  });
}

function lookForEngineHere(env: NodeJS.ProcessEnv): Promise<Diagnosis> {
  return diagnosed('engine', 'Start it, or unset the variable that names it', async () => {
    const { found, refusing } = await lookForEngine(env);
    if (found) {
      const wrong = whyTooOld(found.version);
      if (wrong) throw new Ailment(wrong.why, wrong.todo, { version: found.version, where: found.address });
      const { cgroup, storage } = await new EngineAccess(found.address).facts();
      const message = `answers (${found.source}); keeps images in ${storage}, cgroup v${cgroup}`;
      return { version: found.version, where: found.address, message };
    }
    const whyNot = whyNotRoot();
    if (whyNot) {
      const { why, todo } = explainNoEngine(refusing);
      throw new Ailment(`${why}, and a private one cannot be started: ${whyNot}`, todo);
    }
    const dockerd = await findProgram('dockerd', env);
    if (dockerd) return { where: dockerd, message: 'none answers; up starts a private one' };
    if (await findProgram('apt-get', env))
      return { message: "none is there; up installs the distribution's packages and starts a private one" };
    throw new Ailment(
      'no engine answers, and there is no apt-get to install one',
      'Install Docker, or set SLIPWAY_DOCKER_HOST to an engine that runs',
    );
  });
}

/** What bootstraps images where no registry answers. */
async function lookForBase(env: NodeJS.ProcessEnv): Promise<Diagnosis> {
  return diagnosed('base image', 'Type: docker pull debian:bookworm', async () => {
    const debootstrap = await findProgram('debootstrap', env);
    const otherwise = whyNotRoot()
      ? 'must be in the engine, or a registry must answer'
      : `is made by ${debootstrap ?? 'debootstrap, which up installs,'} where no registry answers`;
    return { message: `debian:bookworm is taken from the engine, the cache or a registry; it ${otherwise}` };
  });
}

/** The ports of the last `up`, which the next one takes again when it can. */
function lookAtPorts(paths: StatePaths): Promise<Diagnosis> {
  return diagnosed('ports', 'Remove settings.json of the state directory', async () => {
    const ports = Object.entries((await findSettings(paths))?.ports ?? {});
    const taken: string[] = [];
    for (const [name, port] of ports)
      if (await canConnect(`127.0.0.1:${port}`, 500)) taken.push(`${port} (${name})`);
    if (taken.length > 0)
      return { message: `${taken.join(', ')} of the last up are taken by another program; up takes others` };
    return { message: ports.length > 0 ? 'of the last up are free' : 'are chosen by up' };
  });
}

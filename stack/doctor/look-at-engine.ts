import { whyTooOld } from '../../docker/usable-engine.ts';
import type { Diagnosis } from '../../model/schema/diagnosis.ts';
import { EngineAccess } from '../engine-access.ts';
import { engineNetwork, isNetworkComplete } from '../engine-network.ts';
import { widePath } from '../find-program.ts';
import { privateEngineAddress } from '../private-engine.ts';
import { findSettings } from '../settings.ts';
import type { StatePaths } from '../state-directory.ts';
import { Ailment, diagnosed } from './diagnosed.ts';
import { lookAtDisk } from './look-at-machine.ts';

const TIMEOUT_MS = 10_000;

export interface EngineToLookAt {
  readonly address: string;
  readonly paths: StatePaths;
  readonly env: NodeJS.ProcessEnv;
  /** What to do when it does not answer. */
  readonly todo: string;
  /** Whether this may be a machine that needs none, as those of controls and of people. Default: it is not. */
  readonly mayLack?: boolean;
}

/** Looks at the engine of the tasks: whether it answers, its network when it is our own, its disk, and how images move to it. */
export async function lookAtEngine(engine: EngineToLookAt): Promise<readonly Diagnosis[]> {
  const answer = await diagnosed('engine', engine.todo, () => ask(engine));
  const isThere = answer.ok || answer.version !== undefined;
  if (!isThere && engine.mayLack) return [noEngine(engine.address, answer.message)];
  if (!answer.ok) return [{ ...answer, where: engine.address }];
  const isPrivate = engine.address === privateEngineAddress(engine.paths);
  return Promise.all([
    answer,
    ...(isPrivate ? [lookAtNetwork(engine)] : []),
    lookAtTransport(engine),
    ...(await lookAtEngineDisk(engine)),
  ]);
}

function noEngine(where: string, why: string): Diagnosis {
  return { part: 'engine', ok: true, where, message: `none here; builders and runners need one (${why})` };
}

async function ask({ address }: EngineToLookAt): Promise<Omit<Diagnosis, 'part' | 'ok'>> {
  const access = new EngineAccess(address);
  const version = await access.version(TIMEOUT_MS);
  const { storage, cgroup } = await access.facts();
  const found = { version, where: address };
  const wrong = whyTooOld(version) ?? (await access.whyUnusable(TIMEOUT_MS));
  if (wrong) throw new Ailment(wrong.why, wrong.todo, found);
  return { ...found, message: `answers; keeps images in ${storage}, cgroup v${cgroup}` };
}

function lookAtNetwork({ paths, env }: EngineToLookAt): Promise<Diagnosis> {
  return diagnosed('engine network', 'Type: slipway down && slipway up', async () => {
    const octet = (await findSettings(paths))?.engineOctet;
    const network = octet === undefined ? undefined : engineNetwork(paths, octet);
    if (!network || !(await isNetworkComplete(network, { env: { ...env, PATH: widePath(env) } })))
      throw new Error(
        'the bridge or the firewall rules of the private engine are gone (was the firewall loaded anew?)',
      );
    return { where: network.bridge, message: `containers are in ${network.pool}` };
  });
}

function lookAtTransport({ address }: EngineToLookAt): Promise<Diagnosis> {
  return diagnosed('image transport', 'See that the engine can pull: docker pull 127.0.0.1:1/x', async () => {
    const reaches = await new EngineAccess(address).reachesLoopback(AbortSignal.timeout(15_000));
    return {
      message: reaches
        ? 'by endpoint: only what is missing moves'
        : "by tar: the engine is not on this machine's network, so images move whole",
    };
  });
}

/** Of an engine whose files are this machine's. */
async function lookAtEngineDisk({ address }: EngineToLookAt): Promise<readonly Promise<Diagnosis>[]> {
  const facts = await new EngineAccess(address).facts().catch(() => undefined);
  if (!facts || !address.startsWith('unix:')) return [];
  const disk = await lookAtDisk(
    'engine disk',
    facts.rootDirectory,
    `Free space there: docker --host ${address} system prune`,
  );
  // In a virtual machine there is no such directory here, and some are root's alone.
  return /EACCES|EPERM/.test(disk.message) ? [] : [Promise.resolve(disk)];
}

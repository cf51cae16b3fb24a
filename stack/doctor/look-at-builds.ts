import { idleSidecars } from '../../docker/sidecar/idle-sidecars.ts';
import { isOwnName } from '../../model/engine-names.ts';
import { LEVELS } from '../../model/pure/ids.ts';
import type { Level } from '../../model/pure/ids.ts';
import type { Connections } from '../../model/schema/connections.ts';
import type { Diagnosis } from '../../model/schema/diagnosis.ts';
import { EngineAccess } from '../engine-access.ts';
import { Ailment, diagnosed } from './diagnosed.ts';

const TIMEOUT_MS = 10_000;
const OTHER_BUILDER = 'set SLIPWAY_BUILDER_DOCKER_HOST to an engine for builds';

/** Of an engine that is no sidecar. What cache mounts hold is kept apart there. */
const SHARED_STEPS =
  'levels and trust domains that build in it share the results of RUN in its cache, so let no strangers push';

export type EnginesToLookAt = Pick<
  Connections,
  'runnerEngine' | 'builderEngine' | 'sidecarImage' | 'fleet' | 'runtimeDirectory'
> & {
  /** Whether workers are run by hand, on this machine or on others; else `up` runs them here. */
  readonly isByHand: boolean;
};

/** Looks at where images are built: a given engine, or sidecars and what they need of the engine of the tasks. */
export async function lookAtBuilds(engines: EnginesToLookAt): Promise<Diagnosis> {
  const { runnerEngine, builderEngine, sidecarImage, fleet, isByHand } = engines;
  if (builderEngine !== undefined) return lookAtBuilderEngine(builderEngine, builderEngine === runnerEngine);
  return diagnosed('sidecars', `Start the engine, or ${OTHER_BUILDER}`, async () => {
    if (sidecarImage === undefined && isByHand)
      return {
        message: 'no image for them is named here; a builder needs SLIPWAY_SIDECAR_IMAGE, or another engine',
      };
    if (sidecarImage === undefined)
      throw new Ailment(
        'there is no image for them',
        `Type: slipway down && slipway up, or ${OTHER_BUILDER}`,
      );
    const access = new EngineAccess(runnerEngine);
    const found = { where: sidecarImage };
    if (!(await access.hasImage(sidecarImage)))
      throw new Ailment(
        `their image is not in the engine (removed by hand?)`,
        bringImage(sidecarImage, engines),
        found,
      );
    const rights = await access.sidecarRights(sidecarImage, fleet);
    if (rights.kind === 'refused')
      throw new Ailment(
        `the engine does not give a container the rights of an engine (SYS_ADMIN, NET_ADMIN): ${rights.why}`,
        `Allow privileged containers there, or ${OTHER_BUILDER}`,
        found,
      );
    const stopped = await countStopped(engines);
    const how = rights.kind === 'privileged' ? 'privileged' : 'with single rights';
    const kept = stopped === 0 ? '' : `; stopped, with their data: ${stopped}`;
    return { ...found, message: `can run, ${how}${kept}` };
  });
}

function bringImage(image: string, { runnerEngine, isByHand }: EnginesToLookAt): string {
  if (!isByHand) return 'Type: slipway down && slipway up';
  if (!isOwnName(image)) return `Type: docker --host ${runnerEngine} pull ${image}`;
  return `In the checkout: SLIPWAY_DOCKER_HOST=${runnerEngine} npm run setup; if that makes one of another tag, set SLIPWAY_SIDECAR_IMAGE to it`;
}

async function countStopped({
  runnerEngine: host,
  fleet,
  runtimeDirectory,
}: EnginesToLookAt): Promise<number> {
  const ofLevels = await Promise.all(
    LEVELS.map((level) => idleSidecars({ host, fleet, level, runtimeDirectory })),
  );
  return ofLevels.flat().length;
}

/** Looks at whether tasks can have private engines, which some project may have on these levels. */
export async function lookAtPrivateEngines(
  engines: EnginesToLookAt,
  levels: readonly Level[],
): Promise<Diagnosis> {
  const { runnerEngine, sidecarImage, fleet, isByHand } = engines;
  const where = `level ${levels.join(', ')}`;
  return diagnosed('private engines', 'Start the engine of the tasks', async () => {
    const todo = isByHand
      ? 'Bring the image that SLIPWAY_SIDECAR_IMAGE names into the engine, or grant no project "dind"'
      : 'Unset SLIPWAY_BUILDER_DOCKER_HOST and type: slipway down && slipway up, or grant no project "dind"';
    const access = new EngineAccess(runnerEngine);
    if (sidecarImage === undefined || !(await access.hasImage(sidecarImage)))
      throw new Ailment('tasks of features.dind wait: there is no image of sidecars', todo, { where });
    const rights = await access.sidecarRights(sidecarImage, fleet);
    if (rights.kind !== 'refused')
      return { where, message: 'can run; such a task may become root on this machine if its filter fails' };
    throw new Ailment(
      `the engine does not give a container the rights of an engine (SYS_ADMIN, NET_ADMIN): ${rights.why}`,
      'Allow privileged containers there, or grant no project "dind"',
      { where },
    );
  });
}

function lookAtBuilderEngine(address: string, isShared: boolean): Promise<Diagnosis> {
  return diagnosed('builds', 'Start that engine, or unset SLIPWAY_BUILDER_DOCKER_HOST', async () => {
    try {
      const access = new EngineAccess(address);
      const version = await access.version(TIMEOUT_MS);
      const wrong = await access.whyUnusable(TIMEOUT_MS);
      if (wrong) throw new Ailment(wrong.why, wrong.todo, { version, where: address });
      const message = isShared
        ? `in the engine of the tasks, without sidecars: ${SHARED_STEPS}`
        : `in an engine of their own, which answers: ${SHARED_STEPS}`;
      return { version, where: address, message };
    } catch (error) {
      if (error instanceof Ailment) throw error;
      throw new Ailment(
        error instanceof Error ? error.message : String(error),
        'Start that engine, or unset SLIPWAY_BUILDER_DOCKER_HOST',
        { where: address },
      );
    }
  });
}

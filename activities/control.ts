import type { Client } from '@temporalio/client';
import type { ControlActivities } from './contracts.ts';
import { InternalError } from '../model/errors.ts';
import { levelOf, parseId, queueName } from '../model/pure/ids.ts';
import { SLIPWAY_IMAGE, SLIPWAY_LEVEL } from '../model/pure/search-attributes.ts';
import type { ImageInput, RequestImagesInput } from '../model/pure/payloads.ts';
import type { ServerConfig } from '../model/schema/config.ts';
import type { GitSource } from '../source/git-source.ts';
import { findImage, recordImage } from '../steps/index-image.ts';
import type { PlanCache } from '../steps/plan-cache.ts';
import { planPush } from '../steps/plan-push.ts';
import { recordPush, recordUnstarted } from '../steps/read-push.ts';
import { recordRun } from '../steps/task-run.ts';
import type { Store } from '../store/store.ts';
import { carryOut } from './carry-out.ts';

export interface ControlDeps {
  readonly store: Store;
  readonly source: GitSource;
  readonly plans: PlanCache;
  readonly client: Client;
  /** Read anew at each plan, so that a change of the configuration counts from the next push on. */
  readonly readServerConfig: () => Promise<ServerConfig>;
  readonly platform: string;
}

/** The activities of a control worker: decide, ask for images, keep the records. */
export function createControlActivities(deps: ControlDeps): ControlActivities {
  const { store, plans } = deps;
  return {
    planPush: (input) =>
      carryOut(async (context) =>
        planPush({ ...deps, config: await deps.readServerConfig() }, input, context),
      ),
    requestImages: (input) => carryOut(() => requestImages(deps.client, input)),
    findImage: (input) => carryOut(() => findImage(deps, input)),
    recordImage: (input) => carryOut(() => recordImage(deps, input)),
    recordRun: (input) => carryOut(() => recordRun(store, plans, input)),
    recordUnstarted: (input) => carryOut(() => recordUnstarted(store, plans, input)),
    recordPush: (input) => carryOut(() => recordPush(store, input)),
  };
}

/**
 * Signal-with-start, since workflows can't: a duplicate request joins the build that runs. (Update-with-start gave
 * several builds under load.)
 */
export async function requestImages(
  client: Client,
  { requester, pushId, plannedAt, images }: RequestImagesInput,
): Promise<void> {
  const level = levelOf(requester);
  await Promise.all(
    images.map(({ taskId, name, force }) => {
      // Levels meet only by reading the store.
      if (levelOf(taskId) !== level)
        throw new InternalError(`${requester} may not ask for ${taskId}, which is of another level`);
      const input: ImageInput = { taskId, name, pushId, plannedAt };
      return client.workflow.signalWithStart('image', {
        workflowId: taskId,
        taskQueue: queueName('control', level),
        args: [input],
        signal: 'wantImage',
        signalArgs: [{ requester, force }],
        workflowIdReusePolicy: 'ALLOW_DUPLICATE',
        workflowIdConflictPolicy: 'USE_EXISTING',
        staticSummary: `build ${name} ${imageHashOf(taskId).slice(0, 12)}`,
        typedSearchAttributes: [
          { key: SLIPWAY_IMAGE, value: name },
          { key: SLIPWAY_LEVEL, value: level },
        ],
      });
    }),
  );
}

function imageHashOf(taskId: string): string {
  const id = parseId(taskId);
  return id?.kind === 'image' ? id.imageHash : taskId;
}

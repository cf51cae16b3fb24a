import type { Client } from '@temporalio/client';
import type { CollectActivities, ControlActivities, SettleActivities } from './contracts.ts';
import type { ContextHashCache } from '../images/context-hash-cache.ts';
import type { ServerConfig } from '../model/schema/config.ts';
import type { GitSource } from '../source/git-source.ts';
import { authorizeRefresh } from '../steps/authorize-refresh.ts';
import { collect } from '../steps/collect.ts';
import { examineImage } from '../steps/examine-image.ts';
import { findImage, recordImage } from '../steps/index-image.ts';
import { loadGraph } from '../steps/load-graph.ts';
import type { PlanCache } from '../steps/plan-cache.ts';
import { planPush } from '../steps/plan-push.ts';
import { recordPush, recordUnstarted } from '../steps/read-push.ts';
import { reopenPush, setBack } from '../steps/set-back.ts';
import { recordRun } from '../steps/task-run.ts';
import type { Store } from '../store/store.ts';
import { endRoundBefore } from './cancel-tasks.ts';
import { carryOut } from './carry-out.ts';
import { requestImages } from './request-images.ts';
import { settle } from './settle.ts';
import { supersede } from './supersede.ts';
import { untilGivenUp } from './until-given-up.ts';

export interface ControlDeps {
  readonly store: Store;
  readonly source: GitSource;
  readonly plans: PlanCache;
  readonly client: Client;
  /** Read anew at each plan and rerun, so that a change of the configuration counts from the next one on. */
  readonly readServerConfig: () => Promise<ServerConfig>;
  readonly platform: string;
  readonly contextHashes?: ContextHashCache;
}

/** The activities of a control worker: decide, ask for images, keep the records, settle what ended without a word. */
export function createControlActivities(
  deps: ControlDeps,
): ControlActivities & SettleActivities & CollectActivities {
  const { store, plans } = deps;
  return {
    planPush: (input) =>
      carryOut(async (context) => {
        if (input.push.again && !input.replanned) await endRoundBefore(deps, input.pushId, context);
        return planPush({ ...deps, config: await deps.readServerConfig() }, input, context);
      }),
    loadGraph: (input) => carryOut(() => loadGraph(store, plans, input)),
    reopenPush: (input) =>
      carryOut(async (context) => {
        await endRoundBefore(deps, input.pushId, context);
        return reopenPush(deps, input, context);
      }),
    setBack: (input) => carryOut((context) => setBack(deps, input, context)),
    supersede: (input) => carryOut(({ signal }) => supersede(deps, input, signal)),
    requestImages: (input) => carryOut(() => requestImages(deps.client, input)),
    findImage: (input) => carryOut((context) => findImage(deps, input, context)),
    examineImage: (input) => carryOut((context) => examineImage(deps, input, context)),
    recordImage: (input) => carryOut((context) => recordImage(deps, input, untilGivenUp(context))),
    recordRun: (input) => carryOut((context) => recordRun(store, plans, input, untilGivenUp(context))),
    recordUnstarted: (input) =>
      carryOut((context) => recordUnstarted(store, plans, input, untilGivenUp(context))),
    recordPush: (input) => carryOut((context) => recordPush(store, input, context, plans)),
    authorizeRefresh: (input) => carryOut(async () => authorizeRefresh(await deps.readServerConfig(), input)),
    collect: (input) =>
      carryOut(async (context) => collect({ store, config: await deps.readServerConfig() }, input, context)),
    settle: (input) => carryOut((context) => settle(deps, input, context)),
  };
}

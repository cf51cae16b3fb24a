import { levelOf, parseId, pushId as idOf } from '../model/pure/ids.ts';
import type { Connections } from '../model/schema/connections.ts';
import { namespaceOf } from '../model/schema/connections.ts';
import type { ServerConfig } from '../model/schema/config.ts';
import { openStore } from '../store/open-store.ts';
import type { SlipwayApi } from './api.ts';
import type { NamingOptions } from './names.ts';
import { resolvePushName, resolveTaskName } from './names.ts';
import { findJoinable } from './find-joinable.ts';
import { findPlanning } from './find-planning.ts';
import { findStartedPush, readStartedPush } from './find-push.ts';
import { followPush } from './follow-push.ts';
import { downloadArtifact, listArtifacts, readLog, readTask } from './read-task.ts';
import { findHeldUp } from './held-up.ts';
import { listImages } from './list-images.ts';
import { listDocuments, listPushes } from './list-pushes.ts';
import { reachTemporal } from './reach-temporal.ts';
import { refreshBase } from './refresh-base.ts';
import { rerunPush } from './rerun-push.ts';
import { cancelRunning, cancelTasks, isRunning } from './running-workflows.ts';
import { silentQueues } from './silent-queues.ts';
import { startPush } from './start-push.ts';

/**
 * The verbs' interface over a running stack: Temporal to start and cancel, the store for everything that is read. Temporal
 * is connected to only when it is needed, so that records can be read while it is away.
 */
export async function openApi(
  connections: Connections,
  config: ServerConfig,
  naming: Omit<NamingOptions, 'isStarted'> = {},
): Promise<SlipwayApi> {
  const store = openStore(connections.store);
  const { uiUrl } = connections.temporal;
  const temporal = reachTemporal(connections.temporal);
  const known = { store, askTemporal: temporal.ask };
  const isStarted = async (id: string): Promise<boolean> => (await findStartedPush(known, id)) !== undefined;
  const uiLink = (id: string): string | undefined => {
    const level = parseId(id)?.level;
    if (uiUrl === undefined || level === undefined) return undefined;
    return `${uiUrl}/namespaces/${namespaceOf(connections.temporal, level)}/workflows/${encodeURIComponent(id)}`;
  };
  return {
    start: async (push, wait) => {
      const started = await startPush({ askTemporal: temporal.ask, store, config }, push, wait);
      const url = uiLink(started.pushId);
      return { ...started, ...(url ? { url } : {}) };
    },
    resolvePush: (name) => resolvePushName(store, name, { isStarted, ...naming }),
    resolveTask: (name, push, options) =>
      resolveTaskName(store, name, push, { isStarted, ...naming, ...options }),
    read: (pushId, of) => readStartedPush(known, pushId, of),
    list: (options) => listPushes(store, options),
    documents: (options) => listDocuments(store, options),
    follow: (pushId, signal, onAway) => followPush(known, pushId, signal, onAway),
    silentQueues: (level, queues) =>
      temporal.ask(level, (client) =>
        silentQueues(client, namespaceOf(connections.temporal, level), queues, Date.now()),
      ),
    heldUp: (level, taskIds) => temporal.ask(level, (client) => findHeldUp(client, taskIds)),
    planning: (pushId) => temporal.ask(levelOf(pushId), (client) => findPlanning(client, pushId)),
    isRunning: (id) => temporal.ask(levelOf(id), (client) => isRunning(client, id)),
    cancel: (id) => temporal.ask(levelOf(id), (client) => cancelRunning(client, id)),
    cancelInPush: async (taskId) => {
      const id = parseId(taskId);
      if (id?.kind !== 'task') return false;
      return temporal.ask(id.level, (client) => cancelTasks(client, idOf(id), [id.label]));
    },
    rerun: (pushId, rerun, by, wait) =>
      rerunPush({ askTemporal: temporal.ask, store, config }, { pushId, rerun, by }, wait),
    task: (taskId) => readTask(store, taskId),
    joinable: (taskId) => findJoinable(store, taskId),
    log: (taskId, options) => readLog(store, taskId, options),
    artifacts: (taskId) => listArtifacts(store, taskId),
    download: (taskId, name, options) => downloadArtifact(store, taskId, { name, ...options }),
    images: (options) => listImages(store, config, options),
    refreshBase: (base, signal) => refreshBase({ askTemporal: temporal.ask, store, config }, base, signal),
    uiLink,
    close: async () => {
      await temporal.close();
      store.close();
    },
  };
}

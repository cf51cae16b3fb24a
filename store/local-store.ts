import { createDirectoryObjectStore } from './directory-object-store.ts';
import { createStore } from './create-store.ts';
import { artifactsPrefix } from './keys.ts';
import type { ObjectStore } from './object-store.ts';
import { createOverlay } from './overlay-object-store.ts';
import type { LogChunk, Store } from './store.ts';

/** What runs on this machine leave is as short-lived as what pushes of level 1 leave. */
const KEPT_MS = 28 * 24 * 3600 * 1000;

export interface LocalStore extends Store {
  /** Where the artifacts of a run lie, as files of their names. */
  artifactsDirectory(taskId: string, run: number): string;
  /** Removes what has been there for four weeks. */
  forgetOld(now?: Date): Promise<void>;
}

export interface LocalStoreOptions {
  readonly directory: string;
  /** The store of a server, of which everything can be read and nothing is changed. */
  readonly below?: ObjectStore | undefined;
  /** Told of everything that is written into a log. */
  readonly onLog?: (chunk: LogChunk) => void | Promise<void>;
}

/** A store in a directory of this machine, for what is carried out without a server. */
export function createLocalStore({ directory, below, onLog }: LocalStoreOptions): LocalStore {
  const own = createDirectoryObjectStore(directory);
  const { logs, ...store } = createStore(below ? createOverlay(own, below) : own);
  // No server has logs of what runs here.
  const ownLogs = below ? createStore(own).logs : logs;
  return {
    ...store,
    logs: {
      ...ownLogs,
      append: async (taskId, run, chunk) => {
        await ownLogs.append(taskId, run, chunk);
        await onLog?.(chunk);
      },
    },
    artifactsDirectory: (taskId, run) => `${directory}/files/${artifactsPrefix(taskId, run)}`,
    async forgetOld(now = new Date()) {
      const old: string[] = [];
      for await (const { key, lastModified } of own.list(''))
        if (now.getTime() - lastModified.getTime() > KEPT_MS) old.push(key);
      await own.delete(old);
      await own.abortUploads(new Date(now.getTime() - KEPT_MS));
    },
  };
}

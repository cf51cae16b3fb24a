import { createArtifacts } from './artifacts.ts';
import { createBlobStore } from './blob-store.ts';
import { createImageIndex } from './image-index.ts';
import { createLogs } from './logs.ts';
import type { ObjectStore } from './object-store.ts';
import { createPushRecords } from './push-records.ts';
import type { Store } from './store.ts';
import { createTaskRecords } from './task-records.ts';

/** The store over any object store. */
export function createStore(objects: ObjectStore): Store {
  return {
    blobs: createBlobStore(objects),
    index: createImageIndex(objects),
    tasks: createTaskRecords(objects),
    pushes: createPushRecords(objects),
    artifacts: createArtifacts(objects),
    logs: createLogs(objects),
  };
}

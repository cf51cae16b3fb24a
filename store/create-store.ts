import { createArtifacts } from './artifacts.ts';
import type { Lifetimes } from './blob-claims.ts';
import { createBlobStore } from './blob-store.ts';
import { createCacheMounts } from './cache-mounts.ts';
import { createCollector } from './collect/collector.ts';
import { createHolders } from './holders.ts';
import { createImageIndex } from './image-index.ts';
import { createLogs } from './logs.ts';
import type { ObjectStore } from './object-store.ts';
import type { Outages } from './outages.ts';
import { NO_OUTAGES } from './outages.ts';
import { createPlatforms } from './platforms.ts';
import { createPushRecords } from './push-records.ts';
import { createRoutes } from './routes.ts';
import { createSentBlobs } from './sent-blobs.ts';
import type { Store } from './store.ts';
import { sweepUploads } from './sweep-uploads.ts';
import { createTarballs } from './tarballs.ts';
import { createTaskRecords } from './task-records.ts';

/** The store over any object store; `outages` tells when that was away, `lifetimes` are for tests. */
export function createStore(
  objects: ObjectStore,
  outages: Outages = NO_OUTAGES,
  lifetimes: Lifetimes = {},
): Store {
  return {
    blobs: createBlobStore(objects, lifetimes),
    index: createImageIndex(objects, lifetimes),
    routes: createRoutes(objects, lifetimes),
    tarballs: createTarballs(objects, lifetimes),
    mounts: createCacheMounts(objects, lifetimes),
    sent: createSentBlobs(objects),
    holders: createHolders(objects, lifetimes),
    platforms: createPlatforms(objects),
    tasks: createTaskRecords(objects),
    pushes: createPushRecords(objects),
    artifacts: createArtifacts(objects),
    logs: createLogs(objects, outages),
    collector: createCollector(objects, lifetimes),
    sweep: (options) => sweepUploads(objects, options),
  };
}

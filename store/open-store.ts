import { createStore } from './create-store.ts';
import type { OutageListener } from './outages.ts';
import type { S3ObjectStore } from './s3-object-store.ts';
import { createS3ObjectStore } from './s3-object-store.ts';
import type { S3Config } from './s3-session.ts';
import type { Store } from './store.ts';

export type OpenStore = Store & {
  readonly objects: S3ObjectStore;
  /** Closes the connections to the server. */
  close(): void;
};

/** The store of an installation, from the `store` part of its connections. Nothing is asked of the server yet. */
export function openStore(config: S3Config, listener: OutageListener = {}): OpenStore {
  const objects = createS3ObjectStore(config, {}, listener);
  return { ...createStore(objects, objects.outages), objects, close: () => objects.close() };
}

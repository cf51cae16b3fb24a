import type { BlobStore } from '../model/blob-store.ts';
import type { EngineInfo } from './engine.ts';
import type { CredentialsFile } from './registry/credentials-file.ts';
import type { RoomOptions } from './room/engine-room.ts';

/** How the engine reaches the image endpoint of this worker. */
export type EndpointReach =
  /** The engine may share our 127.0.0.1: the first transfer finds out, and takes the tar way where it does not. */
  | { readonly kind: 'loopback' }
  /** A forwarder in the engine's own network namespace listens on `port` of 127.0.0.1 and forwards to our unix socket. */
  | { readonly kind: 'forwarder'; readonly socketPath: string; readonly port: number }
  /** It cannot: the tar way is used. */
  | { readonly kind: 'none' };

export interface EngineOptions {
  /** `unix:///path` or `tcp://host:port`. */
  readonly address: string;
  readonly blobs: BlobStore;
  readonly reach: EndpointReach;
  readonly fleet: string;
  /** Whether it may build for several trust domains and levels; default: no. */
  readonly isShared?: boolean;
  /** Its disk budget, where workers keep one: what is loaded and built is marked as used then. Who gives no budget removes nothing. */
  readonly room?: (info: EngineInfo) => Promise<RoomOptions>;
  /** What layers are compressed with that are built in a containerd store; default gzip, which every engine reads. */
  readonly layers?: 'gzip' | 'zstd' | undefined;
  /** For those who only look at containers: any engine that answers will do. */
  readonly movesNoImages?: boolean | undefined;
  /** Credentials for the registries that images are pulled from; read at each pull. Without it nobody is told any. */
  readonly credentials?: CredentialsFile | undefined;
}

import type Docker from 'dockerode';
import type { BlobStore } from '../../model/blob-store.ts';
import type { EngineInfo } from '../engine.ts';
import type { ImageEndpoint } from '../endpoint/image-endpoint.ts';
import { REPOSITORY } from '../endpoint/transfer.ts';

/** What moving images needs: one engine, one store, and the endpoint between them. */
export interface TransportContext {
  readonly docker: Docker;
  readonly info: Pick<EngineInfo, 'imageStore' | 'pullsZstd'>;
  readonly blobs: BlobStore;
  /** Whose the containers are that are made to see whether one can be made of an image. */
  readonly fleet: string;
  /** Undefined: the engine cannot reach one, images go as tars. */
  readonly endpoint: ImageEndpoint | undefined;
  /** `127.0.0.1:<port>` as the engine sees the endpoint. */
  readonly registryHost: string;
}

/** The repository of the endpoint as the engine names it. */
export function endpointRepository(context: TransportContext): string {
  return `${context.registryHost}/${REPOSITORY}`;
}

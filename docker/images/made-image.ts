import type Docker from 'dockerode';
import { LABEL } from '../labels.ts';

/** An image as the engine that has it tells. */
export interface MadeImage {
  /** Milliseconds since 1970; NaN where it cannot tell. */
  readonly createdMs: number;
  /** Diff ids, lowest first. */
  readonly layers: readonly string[];
  readonly engineImageId: string;
  /** The engine's id of the parent that it was built on, of one that says so. */
  readonly ground?: string | undefined;
}

export function madeImage({ Id, Created, RootFS, Config }: Docker.ImageInspectInfo): MadeImage {
  return {
    engineImageId: Id,
    createdMs: Date.parse(Created),
    layers: RootFS?.Layers ?? [],
    ground: Config?.Labels?.[LABEL.ground],
  };
}

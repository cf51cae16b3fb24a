import type { RegisterVerb } from '../verb.ts';
import { defineGroup } from '../verb.ts';
import { imageHashVerb } from './image-hash.ts';
import { planVerb } from './plan.ts';
import { workerVerb } from './worker.ts';

/** Every verb, in the order of `slipway --help`. */
export const VERBS: readonly RegisterVerb[] = [
  planVerb,
  defineGroup('image', 'Hashes of in-tree images, and those that are there', [imageHashVerb]),
  workerVerb,
];

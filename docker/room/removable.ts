import type { Choosable } from './choose-image.ts';

/** Something of Slipway's in an engine that may be removed to make room: an image or an instance of a cache. */
export interface Removable extends Choosable {
  readonly what: 'image' | 'cache';
  readonly id: string;
  readonly names: readonly string[];
  /** With what it shares. */
  readonly bytes: number;
  /** Gives whether it is gone; it is not when somebody uses it again. */
  remove(): Promise<boolean>;
}

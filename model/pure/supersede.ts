import type { PushInput } from './payloads.ts';

/** A push that takes the place of older ones of its ref. */
export interface SupersedeInput {
  readonly pushId: string;
  readonly push: PushInput;
}

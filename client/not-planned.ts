import { NotFound } from '../model/errors.ts';

/** Thrown for a task or an image that a push may still have: which it has is not decided yet. */
export class NotPlanned extends NotFound {
  readonly pushId: string;
  constructor(pushId: string) {
    super(`Push ${pushId} is not planned yet: slipway watch ${pushId}`);
    this.pushId = pushId;
  }
}

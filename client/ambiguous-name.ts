import { NotFound } from '../model/errors.ts';

/** Thrown when a person's word for a push stands for several. */
export class AmbiguousName extends NotFound {
  constructor(name: string, pushIds: readonly string[]) {
    super(`"${name}" names several pushes: ${pushIds.slice(0, 5).join(', ')}`);
  }
}

import { statSync } from 'node:fs';
import { join } from 'node:path';
import { StackUnavailable } from '../model/errors.ts';

/** Whether a directory is there that this user may not look into. */
export function isForeign(directory: string): boolean {
  try {
    statSync(join(directory, 'any'));
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EACCES';
  }
}

/** Whose it is, as far as that can be seen. */
export function describeForeign(directory: string): string {
  return `${directory} is another user's${ownerOf(directory)}`;
}

/** What is said to who may not use the stack of a state directory. */
export function foreignStack(directory: string): StackUnavailable {
  return new StackUnavailable(
    `${describeForeign(directory)}: type it as that user (sudo), or set SLIPWAY_HOME to a directory of your own`,
  );
}

function ownerOf(directory: string): string {
  try {
    return ` (${nameOf(statSync(directory).uid)})`;
  } catch {
    return '';
  }
}

/** A user as a person knows them, without asking for the names of the machine. */
export function nameOf(uid: number): string {
  return uid === 0 ? 'root' : `user ${uid}`;
}

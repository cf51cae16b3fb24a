/** Services are used by workers while these end, so they are ended after them. */
export type ProcessKind = 'worker' | 'service';

const SERVICES: readonly string[] = ['temporal', 's3', 'docker'];

/** Which kind of process a name stands for. */
export function kindOf(name: string): ProcessKind {
  return SERVICES.includes(name) ? 'service' : 'worker';
}

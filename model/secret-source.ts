import type { Level } from './pure/ids.ts';

/** Whose task asks for a secret. */
export interface SecretAsker {
  readonly project: string;
  readonly level: Level;
}

/** Where a worker has the values of secrets from. */
export interface SecretSource {
  /**
   * The value of a secret, byte for byte; undefined when there is none of that name for tasks of that project and level. Asked by
   * each run, so that a value that was changed counts from the next run on.
   */
  find(name: string, asker: SecretAsker): Promise<Buffer | undefined>;
}

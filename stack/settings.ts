import { randomBytes } from 'node:crypto';
import { renameSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import type { Level } from '../model/pure/ids.ts';
import { readJsonFile } from './json-file.ts';
import type { StatePaths } from './state-directory.ts';

const keyPairSchema = z.object({ accessKeyId: z.string(), secretAccessKey: z.string() });
export type KeyPair = z.infer<typeof keyPairSchema>;

const settingsSchema = z.object({
  version: z.literal(1),
  /** Random name of this installation. */
  fleet: z.string(),
  /** The S3 server's own, for setting up only. */
  accessKeyId: z.string(),
  secretAccessKey: z.string(),
  /** Keys of clients and of the workers of each level. */
  keys: z
    .object({ client: keyPairSchema, 1: keyPairSchema, 2: keyPairSchema, 3: keyPairSchema })
    .default(() => newLevelKeys()),
  /** Where the S3 server keeps metadata; found out at the first start. */
  storeMetadata: z.enum(['xattr', 'files']).optional(),
  /** What was free last time and is taken again when it still is, so that links stay right. */
  ports: z.record(z.string(), z.number()),
  /** Second octet of the private engine's 10.x.0.0/16. */
  engineOctet: z.number().optional(),
});
export type Settings = z.infer<typeof settingsSchema>;

/** What is chosen once for a state directory and then stays. */
export class SettingsFile {
  readonly #path: string;
  #value: Settings;

  private constructor(path: string, value: Settings) {
    this.#path = path;
    this.#value = value;
  }

  /** Reads the settings, or makes those of a new installation. @throws {ConfigInvalid} when the file is broken. */
  static async open(paths: StatePaths): Promise<SettingsFile> {
    const known = await findSettings(paths);
    const file = new SettingsFile(
      paths.settings,
      known ?? {
        version: 1,
        fleet: randomBytes(6).toString('hex'),
        ...newKeyPair('set-up'),
        keys: newLevelKeys(),
        ports: {},
      },
    );
    // Also what an older one did not have stays as it is chosen now.
    file.update({});
    return file;
  }

  get value(): Settings {
    return this.#value;
  }

  /** Synchronous, since parts that start side by side each keep something. */
  update(change: Partial<Settings>): void {
    this.#value = { ...this.#value, ...change };
    const temporary = `${this.#path}.tmp`;
    writeFileSync(temporary, `${JSON.stringify(this.#value, null, 2)}\n`, { mode: 0o600 });
    renameSync(temporary, this.#path);
  }
}

/** The settings of a state directory; undefined before its first `up`. */
export async function findSettings(paths: StatePaths): Promise<Settings | undefined> {
  return readJsonFile(paths.settings, settingsSchema);
}

/** The id says to people whose key it is. */
function newKeyPair(owner: string): KeyPair {
  return {
    accessKeyId: `${owner}-${randomBytes(4).toString('hex')}`,
    secretAccessKey: randomBytes(24).toString('hex'),
  };
}

function newLevelKeys(): Record<'client' | Level, KeyPair> {
  return {
    client: newKeyPair('client'),
    1: newKeyPair('level-1'),
    2: newKeyPair('level-2'),
    3: newKeyPair('level-3'),
  };
}

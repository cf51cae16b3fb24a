import { readFile, rename, writeFile } from 'node:fs/promises';
import type { z } from 'zod';
import { ConfigInvalid } from '../model/errors.ts';

/** Reads a JSON file through a schema; undefined when there is none. @throws {ConfigInvalid} when it is not what it should be. */
export async function readJsonFile<T>(path: string, schema: z.ZodType<T>): Promise<T | undefined> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    throw new ConfigInvalid(`${path} is not what Slipway wrote; remove it and type: slipway up`, {
      cause: error,
    });
  }
}

/** Replaces a file whole, readable by its owner only, so that a reader never sees half of it. */
export async function writeJsonFile(path: string, value: unknown): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  await writeFile(temporary, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
  await rename(temporary, path);
}

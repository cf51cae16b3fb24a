import { readFile } from 'node:fs/promises';
import { parseDocument } from 'yaml';
import { z } from 'zod';
import { ConfigInvalid } from '../model/errors.ts';
import type { ServerConfig } from '../model/schema/config.ts';
import { serverConfigSchema } from '../model/schema/config.ts';

/** What a file says that says nothing. */
const NO_PROJECT = { version: 1 };

/** Reads slipway.config.yml; a file that is not there, or says nothing, is one that names no project. @throws {ConfigInvalid} */
export async function readServerConfig(path: string): Promise<ServerConfig> {
  return (await findServerConfig(path)) ?? serverConfigSchema.parse(NO_PROJECT);
}

/** The same; undefined when it is not there. */
export async function findServerConfig(path: string): Promise<ServerConfig | undefined> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new ConfigInvalid(`${path} cannot be read: ${error.message}`, { cause: error });
  });
  if (text === undefined) return undefined;
  const document = parseDocument(text, { merge: true });
  if (document.errors.length > 0)
    throw new ConfigInvalid(`${path}: ${document.errors.map(({ message }) => message).join('; ')}`);
  const parsed = serverConfigSchema.safeParse(document.toJS() ?? NO_PROJECT);
  if (!parsed.success) throw new ConfigInvalid(`${path}: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

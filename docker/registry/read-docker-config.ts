import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { ConfigInvalid } from '../../model/errors.ts';
import type { DockerConfig } from '../../model/schema/docker-config.ts';
import { dockerConfigSchema } from '../../model/schema/docker-config.ts';
import type { CredentialsFile } from './credentials-file.ts';
import { nameOfFile } from './credentials-file.ts';

/** Whoever puts new tokens into the file may be writing it just now. */
const REREAD_MS = 250;

/**
 * Reads a file of credentials as it is now; one's own login may be missing.
 *
 * @throws {ConfigInvalid} naming the file and what is wrong, and nothing of what is in it.
 */
export async function readDockerConfig(file: CredentialsFile): Promise<DockerConfig> {
  const parsed = dockerConfigSchema.safeParse(await readJson(file));
  if (parsed.success) return parsed.data;
  const why = z.prettifyError(parsed.error).replaceAll(/\s*\n\s*/g, ' ');
  throw new ConfigInvalid(`${nameOfFile(file)} is no config.json of docker: ${why}`);
}

async function readJson(file: CredentialsFile): Promise<unknown> {
  try {
    return JSON.parse(await readText(file));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  await delay(REREAD_MS);
  try {
    return JSON.parse(await readText(file));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    // The parser's own words quote the text, so that they go nowhere: neither here nor as a cause.
    const [place = ''] = / \(line \d+ column \d+\)/.exec(error.message) ?? [];
    throw new ConfigInvalid(`${nameOfFile(file)} is no JSON${place}`);
  }
}

async function readText(file: CredentialsFile): Promise<string> {
  try {
    return await readFile(file.path, 'utf8');
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' && file.isOwn) return '{}';
    throw new ConfigInvalid(`${nameOfFile(file)} cannot be read (${code})`);
  }
}

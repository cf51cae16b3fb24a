import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeStateDirectory } from '../model/make-state-directory.ts';

export interface KeptTextsOptions {
  /** What was used longest ago goes when there are more. */
  readonly kept: number;
  /** The state directory that theirs lies in, made before it; default: it lies in none. */
  readonly stateDirectory?: string | undefined;
}

/** Short texts in a directory that any number of processes may share, each whole or not there. Losing them costs time only. */
export class KeptTexts {
  readonly #directory: string;
  readonly #options: KeptTextsOptions;

  constructor(directory: string, options: KeptTextsOptions) {
    this.#directory = directory;
    this.#options = options;
  }

  async find(name: string): Promise<string | undefined> {
    const path = join(this.#directory, name);
    const text = await readFile(path, 'utf8').catch(() => undefined);
    if (text === undefined) return undefined;
    // The oldest go first when there are too many, so that whatever is used stays.
    const now = new Date();
    await utimes(path, now, now).catch(() => undefined);
    return text;
  }

  async keep(name: string, text: string): Promise<void> {
    const path = join(this.#directory, name);
    const fresh = `${path}.${randomBytes(4).toString('hex')}`;
    const { kept, stateDirectory } = this.#options;
    try {
      if (stateDirectory !== undefined) await makeStateDirectory(stateDirectory);
      await mkdir(this.#directory, { recursive: true });
      await writeFile(fresh, text);
      await rename(fresh, path);
      await forgetOldest(this.#directory, kept);
    } catch {
      // A full disk must not keep anything from being planned.
      await rm(fresh, { force: true }).catch(() => undefined);
    }
  }
}

async function forgetOldest(directory: string, kept: number): Promise<void> {
  const names = await readdir(directory);
  if (names.length <= kept) return;
  const used = await Promise.all(
    names.map(async (name) => {
      const path = join(directory, name);
      return {
        path,
        at: await stat(path).then(
          (found) => found.mtimeMs,
          () => 0,
        ),
      };
    }),
  );
  // A tenth more than has to go, so that not every new one looks at all of them.
  const many = names.length - kept + Math.ceil(kept / 10);
  for (const { path } of used.sort((a, b) => a.at - b.at).slice(0, many)) await rm(path, { force: true });
}

import type Docker from 'dockerode';
import { Rest } from './rest.ts';

interface CacheRecord {
  readonly ID?: string;
  readonly Description?: string;
  readonly Size?: number;
  readonly Shared?: boolean;
}

/** The build cache of an engine that nobody else uses. Where the engine fails at it, it counts as empty until the engine has rested. */
export class BuildCache {
  readonly #docker: Docker;
  readonly #onTrouble: ((error: unknown) => void) | undefined;
  readonly #rest = new Rest();

  /** `onTrouble` hears why the engine failed. */
  constructor(docker: Docker, onTrouble: ((error: unknown) => void) | undefined) {
    this.#docker = docker;
    this.#onTrouble = onTrouble;
  }

  /** What it takes beside the images. */
  bytes(): Promise<number> {
    return this.#ask(async () => {
      const records = await readRecords(this.#docker);
      return records.reduce((sum, { Size = 0, Shared }) => (Shared ? sum : sum + Size), 0);
    });
  }

  /** Has the engine take away what of it was not used for longest, until it takes no more than that; gives the bytes freed. */
  prune(keepBytes: number): Promise<number> {
    return this.#ask(() => prune(this.#docker, keepBytes));
  }

  async #ask(question: () => Promise<number>): Promise<number> {
    if (!this.#rest.isOver) return 0;
    const began = performance.now();
    try {
      return await question();
    } catch (error) {
      this.#rest.begin(began);
      this.#onTrouble?.(error);
      return 0;
    }
  }
}

async function readRecords(docker: Docker): Promise<readonly CacheRecord[]> {
  const path = '/system/df?';
  // Engines before API 1.42 know no types and tell of everything.
  const found = (await dial(docker, { path, method: 'GET', options: { type: 'build-cache' } })) as {
    readonly BuildCache?: readonly CacheRecord[] | null;
  };
  return found.BuildCache ?? [];
}

/** Takes away what steps have left in the build cache that have these words in them, as far as no image has it too. */
export async function forgetSteps(docker: Docker, words: string): Promise<void> {
  for (const { ID, Description } of await readRecords(docker)) {
    if (ID === undefined || Description?.includes(words) !== true) continue;
    const options = { all: 'true', filters: JSON.stringify({ id: [ID] }) };
    await dial(docker, { path: '/build/prune?', method: 'POST', options });
  }
}

async function prune(docker: Docker, keepBytes: number): Promise<number> {
  // The first name is for engines before API 1.48; to both 0 would mean all that there is.
  const keep = String(Math.max(1, Math.floor(keepBytes)));
  const options = { all: 'true', 'keep-storage': keep, 'max-used-space': keep };
  const found = (await dial(docker, { path: '/build/prune?', method: 'POST', options })) as {
    readonly SpaceReclaimed?: number;
  };
  return found.SpaceReclaimed ?? 0;
}

function dial(
  docker: Docker,
  request: { readonly path: string; readonly method: string; readonly options: object },
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    docker.modem.dial({ ...request, statusCodes: { 200: true } }, (error, answer) =>
      error ? reject(error as Error) : resolve(answer),
    );
  });
}

import { readFile, rm } from 'node:fs/promises';
import { renameSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { processIdentitySchema } from './process-identity.ts';
import type { ProcessIdentity } from './process-identity.ts';

const recordsSchema = z.array(processIdentitySchema.extend({ name: z.string() }));
export type ProcessRecord = z.infer<typeof recordsSchema>[number];

/**
 * Which processes a stack has started, on disk, so that `down` and the next `up` find them when this process was
 * killed. Written synchronously: between a start and its record nothing else happens in this process.
 */
export class ProcessRecords {
  readonly #path: string;
  readonly #records = new Map<string, ProcessRecord>();

  constructor(path: string) {
    this.#path = path;
  }

  set(name: string, identity: ProcessIdentity): void {
    this.#records.set(name, { name, ...identity });
    this.#write();
  }

  delete(name: string): void {
    if (this.#records.delete(name)) this.#write();
  }

  #write(): void {
    const temporary = `${this.#path}.tmp`;
    writeFileSync(temporary, JSON.stringify([...this.#records.values()], null, 2), { mode: 0o600 });
    renameSync(temporary, this.#path);
  }
}

/** The processes that a stack recorded; none when there is no record or it cannot be read. */
export async function readProcessRecords(path: string): Promise<readonly ProcessRecord[]> {
  try {
    return recordsSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return [];
  }
}

export async function removeProcessRecords(path: string): Promise<void> {
  await rm(path, { force: true });
}

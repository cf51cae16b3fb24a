import type Docker from 'dockerode';
import { Rest } from './rest.ts';

interface VolumeRecord {
  readonly Name: string;
  readonly UsageData?: { readonly Size?: number } | null;
}

/** What each volume of an engine takes, or took when it last told: it walks through all files of all volumes for it. Those it tells nothing of are not in it. */
export class VolumeSizes {
  readonly #docker: Docker;
  readonly #onTrouble: (error: unknown) => void;
  readonly #rest = new Rest();
  #sizes: ReadonlyMap<string, number> | undefined;

  /** `onTrouble` hears why the engine could not tell. */
  constructor(docker: Docker, onTrouble: (error: unknown) => void) {
    this.#docker = docker;
    this.#onTrouble = onTrouble;
  }

  /** Whether the engine would be asked now. */
  get isRested(): boolean {
    return this.#rest.isOver;
  }

  /** Undefined while the engine could never tell. */
  async get(): Promise<ReadonlyMap<string, number> | undefined> {
    if (!this.isRested) return this.#sizes;
    const began = performance.now();
    try {
      this.#sizes = await askForSizes(this.#docker);
    } catch (error) {
      this.#onTrouble(error);
    } finally {
      this.#rest.begin(began);
    }
    return this.#sizes;
  }
}

async function askForSizes(docker: Docker): Promise<ReadonlyMap<string, number>> {
  const found = await new Promise<{
    readonly Volumes?: readonly VolumeRecord[] | null;
    readonly VolumeUsage?: { readonly Items?: readonly VolumeRecord[] | null };
  }>((resolve, reject) => {
    // Engines before API 1.42 know no types and tell of everything; from 1.53 on the list is elsewhere, for who asks for it.
    const options = { type: 'volume', verbose: '1' };
    const request = { path: '/system/df?', method: 'GET', options, statusCodes: { 200: true } };
    docker.modem.dial(request, (error, answer) =>
      error ? reject(error as Error) : resolve(answer as object),
    );
  });
  const volumes = found.Volumes ?? found.VolumeUsage?.Items ?? [];
  // -1: the engine could not find out.
  return new Map(
    volumes.flatMap(({ Name, UsageData }) => {
      const size = UsageData?.Size ?? -1;
      return size < 0 ? [] : [[Name, size] as const];
    }),
  );
}

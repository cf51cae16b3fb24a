import type Docker from 'dockerode';

interface VolumeRecord {
  readonly Name: string;
  readonly UsageData?: { readonly Size?: number } | null;
}

/** The engine walks through all files of all volumes: it is not asked again before it has rested so much longer than it took. */
const REST_SHARE = 20;
const MIN_REST_MS = 60_000;

/** What each volume of an engine takes, or took when the engine was last asked. */
export class VolumeSizes {
  readonly #docker: Docker;
  #sizes: ReadonlyMap<string, number> = new Map();
  #restsUntilMs = 0;

  constructor(docker: Docker) {
    this.#docker = docker;
  }

  /** Whether the engine would be asked now. */
  get isRested(): boolean {
    return performance.now() >= this.#restsUntilMs;
  }

  async get(): Promise<ReadonlyMap<string, number>> {
    if (!this.isRested) return this.#sizes;
    const began = performance.now();
    this.#sizes = await askForSizes(this.#docker);
    const now = performance.now();
    this.#restsUntilMs = now + Math.max(MIN_REST_MS, REST_SHARE * (now - began));
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
  return new Map(volumes.map(({ Name, UsageData }) => [Name, Math.max(0, UsageData?.Size ?? 0)]));
}

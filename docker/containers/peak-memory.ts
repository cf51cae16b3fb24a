import type Docker from 'dockerode';
import { unlessStatus } from '../engine-errors.ts';

const FIRST_SAMPLE_MS = 500;
const SAMPLE_INTERVAL_MS = 2_000;

/** The most memory that was seen in use by each container. Kernels with cgroup v1 keep the peak themselves; for others it is the highest sample. */
export class PeakMemory {
  readonly #docker: Docker;
  readonly #peaks = new Map<string, number>();

  constructor(docker: Docker) {
    this.#docker = docker;
  }

  get(name: string): number | undefined {
    return this.#peaks.get(name);
  }

  forget(name: string): void {
    this.#peaks.delete(name);
  }

  /** Looks now. A container that does not run tells nothing. */
  async sample(name: string): Promise<void> {
    const stats = await unlessStatus([404, 409], () =>
      this.#docker.getContainer(name).stats({ stream: false, 'one-shot': true }),
    );
    const { max_usage: kernelPeak, usage } = stats?.memory_stats ?? {};
    const bytes = kernelPeak ?? usage;
    if (bytes) this.#peaks.set(name, Math.max(bytes, this.#peaks.get(name) ?? 0));
  }

  /** Looks from time to time until it is stopped. */
  watch(name: string): { stop(): void } {
    let timer = setTimeout(look, FIRST_SAMPLE_MS, this);
    let stopped = false;
    function look(peaks: PeakMemory): void {
      // A sample that fails is only missing; the wait beside it tells when the engine is gone.
      void peaks
        .sample(name)
        .catch(() => undefined)
        .then(() => {
          if (!stopped) timer = setTimeout(look, SAMPLE_INTERVAL_MS, peaks);
        });
    }
    return {
      stop() {
        stopped = true;
        clearTimeout(timer);
      },
    };
  }
}

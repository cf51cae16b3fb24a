import type Docker from 'dockerode';

const FIRST_SAMPLE_MS = 500;
const SAMPLE_INTERVAL_MS = 2_000;

/**
 * Tells from time to time how much memory a container uses, until it is stopped: the most so far where the kernel keeps that
 * (cgroup v1), else what it is now.
 */
export function watchMemory(
  container: Docker.Container,
  onMemory: (bytes: number) => void,
): { stop(): void } {
  let isStopped = false;
  let timer = setTimeout(look, FIRST_SAMPLE_MS);
  function look(): void {
    // A sample that fails is only missing; the wait beside it tells when the engine is gone.
    void sample(container)
      .catch(() => undefined)
      .then((bytes) => {
        if (isStopped) return;
        if (bytes) onMemory(bytes);
        timer = setTimeout(look, SAMPLE_INTERVAL_MS);
      });
  }
  return {
    stop() {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}

/** A container that does not run tells nothing. */
async function sample(container: Docker.Container): Promise<number | undefined> {
  const { memory_stats: memory } = await container.stats({ stream: false, 'one-shot': true });
  return memory.max_usage ?? memory.usage;
}

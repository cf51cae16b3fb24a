import { readFile, statfs } from 'node:fs/promises';

export interface Measured {
  readonly ms: number;
  /** Processor time of the whole machine, engines and stores with it. */
  readonly cpuMs: number;
  /** Most that the disk held beyond what it held before. */
  readonly peakDiskBytes: number;
}

const LOOK_EVERY_MS = 100;
/** The kernel's unit in /proc/stat. */
const TICK_MS = 10;

/** Carries something out and measures it. The machine must have nothing else to do. Needs Linux. */
export async function measure<T>(
  directory: string,
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly measured: Measured }> {
  const usedBefore = await usedBytes(directory);
  let peak = usedBefore;
  const look = async (): Promise<void> => {
    peak = Math.max(peak, await usedBytes(directory));
  };
  const timer = setInterval(() => void look(), LOOK_EVERY_MS);
  try {
    const busyBefore = await busyMs();
    const began = performance.now();
    const result = await work();
    const ms = performance.now() - began;
    const cpuMs = (await busyMs()) - busyBefore;
    await look();
    return { result, measured: { ms, cpuMs, peakDiskBytes: peak - usedBefore } };
  } finally {
    clearInterval(timer);
  }
}

async function usedBytes(directory: string): Promise<number> {
  const { blocks, bfree, bsize } = await statfs(directory);
  return (blocks - bfree) * bsize;
}

/** Ticks of all processors that were neither idle nor waiting for a disk. */
async function busyMs(): Promise<number> {
  const [line = ''] = (await readFile('/proc/stat', 'utf8')).split('\n');
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = line.split(/\s+/).slice(1).map(Number);
  return (user + nice + system + irq + softirq) * TICK_MS;
}

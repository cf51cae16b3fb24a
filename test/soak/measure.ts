import { readdir, readFile } from 'node:fs/promises';

export interface Measured {
  /** Since the beginning of the soak. */
  readonly ms: number;
  readonly rssBytes: number;
  readonly handles: number;
}

/** Memory and open file handles of a process now; undefined when it is gone. Needs Linux and the rights to look. */
export async function measure(pid: number, ms: number): Promise<Measured | undefined> {
  try {
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(status) ?? [];
    const handles = (await readdir(`/proc/${pid}/fd`)).length;
    return { ms, rssBytes: Number(kilobytes) * 1024, handles };
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

import { readFileSync } from 'node:fs';
import type { MemoryFile } from './memory-tree.ts';

export interface GoldenContext {
  readonly name: string;
  readonly files: Readonly<Record<string, MemoryFile>>;
  readonly args: Readonly<Record<string, string>>;
  readonly hasParent: boolean;
  readonly contextHash: string;
}

/** A text so many times: large files would make the page of goldens unreadable. */
interface Repeated {
  readonly repeat: string;
  readonly times: number;
}

interface WrittenContext extends Omit<GoldenContext, 'files'> {
  readonly files: Readonly<Record<string, MemoryFile | Repeated>>;
}

const WRITTEN = JSON.parse(
  readFileSync(new URL('../fixtures/contexts/golden.json', import.meta.url), 'utf8'),
) as WrittenContext[];

/** Hashes that taskgraph 24.5.1 gave for these files on a disk. A changed one is a decision: everybody's images are built again. */
export const GOLDEN: readonly GoldenContext[] = WRITTEN.map((context) => ({
  ...context,
  files: Object.fromEntries(Object.entries(context.files).map(([path, file]) => [path, spellOut(file)])),
}));

function spellOut(file: MemoryFile | Repeated): MemoryFile {
  return typeof file === 'object' && 'repeat' in file ? file.repeat.repeat(file.times) : file;
}

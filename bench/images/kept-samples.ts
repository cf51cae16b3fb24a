import { readFile, rename, writeFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { z } from 'zod';
import type { Samples } from './run-scenario.ts';

const sampleSchema = z.object({
  ms: z.number(),
  cpuMs: z.number(),
  peakDiskBytes: z.number(),
  bytesSent: z.number(),
  bytesRead: z.number().optional(),
  sendingMs: z.number(),
  peakRssBytes: z.number().optional(),
});

const rowSchema = z.object({
  engine: z.string(),
  images: z.string(),
  scenario: z.string(),
  measuredOn: z.iso.date(),
  machine: z.string(),
  samples: z.record(z.string(), z.array(sampleSchema).min(1)),
});

/** What one run measured of one scenario: an engine's kind and driver, a name of `SHAPES`, and what each way took, run by run. */
export type KeptRow = z.output<typeof rowSchema>;

/** The file of the samples that a report is made of. */
export function samplesBeside(report: string): string {
  return `${report.replace(/\.md$/, '')}.images.json`;
}

/**
 * Puts what was measured of a scenario in the place of what was known of it, with this day and this machine.
 * @returns all rows of that engine and those images, this one among them
 */
export async function keepSamples(
  file: string,
  measured: Pick<KeptRow, 'engine' | 'images' | 'scenario'> & { readonly samples: Samples },
): Promise<readonly KeptRow[]> {
  const row: KeptRow = {
    ...measured,
    measuredOn: new Date().toISOString().slice(0, 10),
    machine: `${cpus().length} processors, ${Math.round(totalmem() / 1024 ** 3)} GiB`,
    samples: Object.fromEntries([...measured.samples].map(([way, samples]) => [way, [...samples]])),
  };
  const isOfSection = ({ engine, images }: KeptRow): boolean =>
    engine === row.engine && images === row.images;
  const others = (await readRows(file)).filter(
    (kept) => !(isOfSection(kept) && kept.scenario === row.scenario),
  );
  const rows = [...others, row].sort((a, b) => keyOf(a).localeCompare(keyOf(b), 'en'));
  await writeFile(`${file}.new`, `${JSON.stringify(rows, tenths, 1)}\n`);
  await rename(`${file}.new`, file);
  return rows.filter(isOfSection);
}

async function readRows(file: string): Promise<readonly KeptRow[]> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    return '[]';
  });
  return z.array(rowSchema).parse(JSON.parse(text));
}

function keyOf({ engine, images, scenario }: KeptRow): string {
  return [engine, images, scenario].join('\n');
}

/** Less than a tenth of a millisecond is noise. */
function tenths(_: string, value: unknown): unknown {
  return typeof value === 'number' ? Math.round(value * 10) / 10 : value;
}

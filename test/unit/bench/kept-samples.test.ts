import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { keepSamples, samplesBeside } from '../../../bench/images/kept-samples.ts';
import { imagesReport } from '../../../bench/images/report.ts';
import { temporaryDirectory } from '../../helpers/temporary-directory.ts';

const sampleOf = (ms: number) => ({ ms, cpuMs: 1, peakDiskBytes: 2, bytesSent: 3, sendingMs: 4 });
const samples = (...times: number[]) => new Map([['Slipway', times.map(sampleOf)]]);
const classic = { engine: 'classic, overlay2', images: 'small' };

describe('the samples beside a report', () => {
  it('are by their change: what is measured again takes the place of what was known, the rest stays', async () => {
    await using directory = await temporaryDirectory('slipway-samples-');
    const file = samplesBeside(join(directory.path, 'benchmarks.md'));
    await keepSamples(file, { ...classic, scenario: 'nothing changed', samples: samples(1000, 2000, 9000) });
    await keepSamples(file, {
      ...classic,
      engine: 'modern, overlayfs',
      scenario: 'cold',
      samples: samples(1),
    });
    await keepSamples(file, { ...classic, scenario: 'cold', samples: samples(5000) });
    const rows = await keepSamples(file, { ...classic, scenario: 'cold', samples: samples(7000.04, 8000) });
    expect(rows.map(({ scenario }) => scenario)).toEqual(['cold', 'nothing changed']);
    expect(JSON.parse(await readFile(file, 'utf8'))).toHaveLength(3);

    const engine = { kind: 'classic', driver: 'overlay2' };
    const lines = imagesReport({ engine, size: 'small', rows }).split('\n');
    expect(lines[0]).toBe('# Benchmarks: images of 50 MB, 8 layers, classic, overlay2');
    expect(lines.filter((line) => line.includes('| Slipway |'))).toEqual([
      expect.stringMatching(/^\| cold \| Slipway \| 7\.50 \(7\.00–8\.00\) .*\| 2 \| \d{4}-\d\d-\d\d \|$/),
      expect.stringMatching(/^\| nothing changed \| Slipway \| 2\.00 \(1\.00–9\.00\) .*\| 3 \| /),
    ]);
  });
});

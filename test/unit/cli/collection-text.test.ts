import { expect, it } from '@jest/globals';
import { renderCollection } from '../../../client/cli/render/collection-text.ts';
import type { CollectionReport } from '../../../model/schema/collection.ts';
import { collectionReportSchema } from '../../../model/schema/collection.ts';

const REPORT: CollectionReport = {
  level: 3,
  dryRun: false,
  kinds: [
    {
      kind: 'blobs',
      kept: { objects: 12, bytes: 840_000_000 },
      freed: { objects: 2, bytes: 90_000_000 },
      why: {
        'kept: claimed lately': { objects: 1, bytes: 1000 },
        'freed: nothing reaches it': { objects: 2, bytes: 90_000_000 },
      },
    },
  ],
  blobs: 'collected',
  damaged: { count: 0, first: [] },
};

it('a collection is told with what was kept and freed of each kind, and why', () => {
  expect(renderCollection(collectionReportSchema.parse(REPORT))).toEqual([
    'Level 3',
    '         kept         freed',
    '  blobs  12 (840 MB)  2 (90 MB)',
    '                                 1 (1.0 kB) kept: claimed lately',
    '                                 2 (90 MB) freed: nothing reaches it',
  ]);
});

it('a dry run says so, and what cannot be read is named', () => {
  const lines = renderCollection({
    ...REPORT,
    level: 1,
    dryRun: true,
    blobs: 'left to level 3',
    damaged: { count: 1, first: ['level-1/index/demo/images/base/x'] },
  });

  expect(lines[0]).toBe('Level 1, dry run: nothing is taken away');
  expect(lines[1]).toContain('would be freed');
  expect(lines.slice(-2)).toEqual([
    '  blobs: left to level 3',
    '  1 cannot be read, so what they name may be freed: level-1/index/demo/images/base/x',
  ]);
});

import { CRASH_POINTS } from '../test/faults/crash-table.ts';

/** The text of docs/crash-points.md, from the table that the tests kill by. */
export function crashPointsPage(): string {
  return [
    '# Crash points',
    '',
    'Every write that others can see, in the order in which a push with one image and one task comes by them. A worker is killed with SIGKILL',
    'before each (nothing has arrived at the store), at it (it is stored, and nobody was told) and after it, and the next worker does only the rest:',
    'the push completes, the image is built and the container made once, every line of output stands in the log once. `npm run test:crash` kills at all',
    'of them, `npm test` at each one once. Made from the table of the tests by `npm run docs`; a test keeps both in step.',
    '',
    '| Write | Activity | What the repeat does |',
    '| --- | --- | --- |',
    ...CRASH_POINTS.map(({ write, activity, repeat }) => `| ${write} | \`${activity}\` | ${repeat} |`),
    '',
  ].join('\n');
}

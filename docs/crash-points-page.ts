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
    '## While an image moves',
    '',
    'Seen by every request to the store and the engine, after a SIGKILL at that moment (`test/long/crash-points-of-images.test.ts`, and `crash-points-of-tars.test.ts` for',
    'engines that reach no endpoint). Nothing half-loaded, no name of a transfer and no container is left; an upload that was half-way is swept after a day.',
    '',
    '| Moment | The next worker |',
    '| --- | --- |',
    '| a publish with some layers in the store, another half-way | is sent the others by the engine, and stores only those: what has come is noted as it comes |',
    '| a base half-way into the store | the same |',
    '| the layers of a tarball half-way into the store | reads the tarball again, and compresses and stores only the other layers |',
    '| a pull half-way (of an image, or of layers that a build may take) | has it pulled again: engines keep nothing of a pull that did not end |',
    '| a pull that ended, before the image has its name; named, before there is a container | reads nothing again, and takes the name of the transfer away |',
    '| a publish as a tar with some layers in the store, another half-way | has it saved again by the engine, reads all of it, and compresses and stores only the others |',
    '| a tar half-way into an engine | sends it again, without what the engine has beside it: engines keep nothing of a tar that broke off |',
    '| a tar that an engine has taken, before anybody knows; before the name that it came by is taken away; before there is a container | sends nothing again, and takes that name away |',
    '',
  ].join('\n');
}

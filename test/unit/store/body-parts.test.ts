import { Readable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { openBody, wholeBody } from '../../../store/body-parts.ts';

describe('a body whose beginning was looked at', () => {
  it('is whole again, and its beginning is held no longer than until it was read', async () => {
    const opened = await openBody(Readable.from(['one ', 'two ', 'three ', 'four']), 5);
    expect(opened.head.map(String)).toEqual(['one ', 'two ']);

    const heldAt: [string, number][] = [];
    for await (const chunk of wholeBody(opened)) heldAt.push([chunk.toString(), opened.head.length]);

    expect(heldAt).toEqual([
      ['one ', 2],
      ['two ', 2],
      ['three ', 0],
      ['four', 0],
    ]);
  });
});

import { describe, expect, it } from '@jest/globals';
import { parseMountTargets } from '../../../stack/unmount-below.ts';

describe('parseMountTargets', () => {
  it('gives mount points with the blanks, tabs and backslashes that they have', () => {
    const mounts = [
      'overlay /state/a\\040b/merged overlay rw 0 0',
      'proc /proc proc rw 0 0',
      'tmpfs /odd\\134name\\011x tmpfs rw 0 0',
      '',
    ].join('\n');

    expect(parseMountTargets(mounts)).toEqual(['/state/a b/merged', '/proc', '/odd\\name\tx']);
  });
});

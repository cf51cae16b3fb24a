import { describe, expect, it } from '@jest/globals';
import { ownerOf } from '../../../docker/containers/image-user.ts';
import type { Owner } from '../../../docker/containers/image-user.ts';

const TABLES = {
  '/etc/passwd':
    'root:x:0:0:root:/root:/bin/bash\nworker:x:1234:4321::/home/worker:/bin/sh\n77:x:5:6::/:/bin/sh\n',
  '/etc/group': 'root:x:0:\ncrew:x:99:worker\n',
};

function owner(user: string): Promise<Owner> {
  return ownerOf(user, (path) => Promise.resolve(TABLES[path]));
}

describe('the user of an image', () => {
  it.each([
    ['', 0, 0],
    ['root', 0, 0],
    ['worker', 1234, 4321],
    ['worker:crew', 1234, 99],
    ['worker:7', 1234, 7],
    ['1234', 1234, 4321],
    ['1234:5', 1234, 5],
    ['4000', 4000, 0],
    ['77', 5, 6],
  ])('"%s" is %i:%i', async (user, uid, gid) => {
    expect(await owner(user)).toEqual({ uid, gid });
  });

  it.each(['nobody-here', 'worker:nothing'])('"%s" that the image has not cannot start', async (user) => {
    await expect(owner(user)).rejects.toMatchObject({ type: 'ContainerStartFailed', exitCode: 126 });
  });
});

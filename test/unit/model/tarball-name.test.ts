import { expect, it } from '@jest/globals';
import { imageFormSchema } from '../../../model/schema/task.ts';

const isTaken = (path: string): boolean =>
  imageFormSchema.safeParse({ type: 'indexed-image', namespace: 'tools.latest', path }).success;

it.each(['a.tar', 'a.tar.gz', 'a.tgz', 'a.tar.zst'])(
  'a task runs in the image of a tarball named %s',
  (path) => {
    expect(isTaken(path)).toBe(true);
  },
);

it.each(['a.zip', 'a.tar.lz4', 'a.gz', 'atgz', 'a.tgz.txt'])(
  'a task runs in no image of a file named %s',
  (path) => {
    expect(isTaken(path)).toBe(false);
  },
);

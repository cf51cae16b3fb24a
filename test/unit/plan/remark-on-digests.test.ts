import { expect, it } from '@jest/globals';
import { remarkOnDigests } from '../../../plan/remark-on-digests.ts';

const task = (label: string, name: string) => ({ label, image: { type: 'docker-image', name } as const });

it('names each image from outside without a digest once, with the tasks that run in it', () => {
  const pinned = `debian@sha256:${'a'.repeat(64)}`;
  const inTree = { label: 'in-tree', image: { type: 'in-tree', name: 'lint' } as const };
  const many = ['b', 'c', 'd', 'e'].map((label) => task(label, 'node'));

  const remarks = remarkOnDigests([task('a', 'debian:bookworm'), task('p', pinned), inTree, ...many]);

  expect(remarks).toEqual([
    'warning: "debian:bookworm" has no digest, so that it need not be the same image next time; "debian:bookworm@sha256:DIGEST" is (a)',
    'warning: "node" has no digest, so that it need not be the same image next time; "node@sha256:DIGEST" is (b, c, d and 1 more)',
  ]);
});

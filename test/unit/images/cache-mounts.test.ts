import { describe, expect, it } from '@jest/globals';
import { findCacheMounts } from '../../../images/cache-mounts.ts';

const idsOf = (dockerfile: string): readonly string[] =>
  findCacheMounts(dockerfile, { args: {} }).mounts.map(({ id }) => id);

describe('findCacheMounts', () => {
  it('finds none where there is none, and no other kind of mount', () => {
    const dockerfile =
      'FROM a\nRUN make\nRUN --mount=type=bind,target=/x --mount=type=tmpfs,target=/y make\n';
    expect(findCacheMounts(dockerfile, { args: {} })).toEqual({ mounts: [], unknown: [] });
  });

  it('knows one by its id, else by its target, under whichever name that is written', () => {
    expect(
      idsOf(
        'FROM a\nRUN --mount=type=cache,id=go,target=/root/go make\n' +
          'RUN --mount=target=/c/../d/,type=CACHE make\nrun --mount=type=cache,dst=e make\n',
      ),
    ).toEqual(['go', '/d', 'e']);
  });

  it('finds several in one RUN, over several lines and before a here-document', () => {
    expect(
      idsOf(
        'FROM a\nRUN --mount=type=cache,target=/a \\\n  --mount=type=cache,target=/b \\\n  make\n' +
          'RUN --mount=type=cache,target=/c <<EOF\nRUN --mount=type=cache,target=/d x\nEOF\n',
      ),
    ).toEqual(['/a', '/b', '/c']);
  });

  it('finds those after a here-document that stands in quotes, and none in one that has a number', () => {
    expect(
      idsOf(
        'FROM a\nRUN sh -c "cat <<EOF\\nx\\nEOF"\nRUN --mount=type=cache,target="/a" make\n' +
          'RUN cat 3<<EOF\nRUN --mount=type=cache,target=/b x\nEOF\nRUN make --mount=type=cache,target=/c\n',
      ),
    ).toEqual(['/a']);
  });

  it('gives each once, with the sharing of its first use; another owner is another mount', () => {
    const { mounts } = findCacheMounts(
      'FROM a\nRUN --mount=type=cache,target=/c,sharing=locked x\nRUN --mount=type=cache,target=/c y\n' +
        'RUN --mount=type=cache,target=/c,uid=1000,gid=1001,mode=0700 z\n',
      { args: { BUILDKIT_CACHE_MOUNT_NS: 'ns' } },
    );
    expect(mounts).toEqual([
      { id: '/c', ground: 'a', namespace: 'ns', sharing: 'locked' },
      { id: '/c', ground: 'a', namespace: 'ns', uid: '1000', gid: '1001', mode: '0700' },
    ]);
  });

  it('names the image that its stage begins with, through other stages, arguments and the parent', () => {
    const { mounts } = findCacheMounts(
      'ARG V=1\nARG DOCKER_IMAGE_PARENT\nFROM base:$V AS One\nFROM one AS two\nRUN --mount=type=cache,target=/a x\n' +
        'FROM $DOCKER_IMAGE_PARENT\nRUN --mount=type=cache,target=/b x\nFROM 0\nRUN --mount=type=cache,target=/c x\n',
      { args: { V: '2' }, parentReference: 'the/parent:1' },
    );
    expect(mounts.map(({ id, ground }) => [id, ground])).toEqual([
      ['/a', 'base:2'],
      ['/b', 'the/parent:1'],
      ['/c', 'base:2'],
    ]);
  });

  it.each([
    ['files of an image', 'FROM a\nRUN --mount=type=cache,target=/c,from=b x\n', 'begins with files'],
    ['a variable', 'FROM a\nRUN --mount=type=cache,target=/c,id=x-$ARCH x\n', 'a variable'],
    ['nothing under it', 'FROM scratch\nADD root.tar /\nRUN --mount=type=cache,target=/c x\n', 'no image'],
  ])('says why one with %s stays where it is', (_, dockerfile, why) => {
    const { mounts, unknown } = findCacheMounts(dockerfile, { args: {} });
    expect(mounts).toEqual([]);
    expect(unknown).toEqual([{ id: expect.any(String), why: expect.stringContaining(why) }]);
  });
});

import { describe, expect, it } from '@jest/globals';
import { findBases } from '../../../images/dockerfile.ts';
import { renameBases } from '../../../images/rename-bases.ts';

const NAMES = new Map([
  ['debian:12', 'own/a:1'],
  ['r.example:5000/tools', 'own/b:1'],
]);
const OPTIONS = { args: { V: '12' }, platform: 'linux/arm64' };

const renamed = (lines: readonly string[]): string => {
  const { text, unnamed } = renameBases(lines.join('\n'), NAMES, OPTIONS);
  expect(unnamed).toEqual([]);
  return text;
};

describe('renameBases', () => {
  it.each([
    ['FROM', ['FROM debian:12 AS a', 'FROM scratch', ''], ['FROM own/a:1 AS a', 'FROM scratch', '']],
    [
      'FROM with variables, quotes and flags',
      ['ARG V=11', 'ARG D=debian', 'from --platform=linux/arm64 "${D}":$V  as x'],
      ['ARG V=11', 'ARG D=debian', 'from own/a:1  as x'],
    ],
    [
      'FROM for the platform that builds, which the engine does not have it for, but not of a stage',
      ['FROM --platform=$BUILDPLATFORM debian:12 AS a', 'From --platform=$BUILDPLATFORM a', 'FROM debian:12'],
      ['FROM own/a:1 AS a', 'From --platform=$BUILDPLATFORM a', 'FROM own/a:1'],
    ],
    [
      'FROM with a flag that no engine knows',
      ['FROM --platform=linux/arm64 --no=x debian:12'],
      ['FROM --platform=linux/arm64 --no=x own/a:1'],
    ],
    [
      'FROM over several lines, of which there are as many afterwards',
      ['FROM \\', '  # why', '  debian\\', ':12 \\', '  AS a', '# what', 'COPY a /'],
      ['FROM own/a:1   AS a', '  # why', '', '', '', '# what', 'COPY a /'],
    ],
    [
      'a mount, but not in a comment above it',
      [
        'FROM scratch',
        'RUN \\',
        ' # --mount=from=debian:12,target=/a',
        ' --mount=from=debian:12,target=/b x',
      ],
      ['FROM scratch', 'RUN \\', ' # --mount=from=debian:12,target=/a', ' --mount=from=own/a:1,target=/b x'],
    ],
    [
      'COPY --from, but no stage of that name and no other words',
      [
        'FROM scratch AS r.example:5000/tools',
        'FROM debian:12',
        'COPY --chown=1:1 --from=debian:12 from=debian:12 /',
        'RUN echo --from=debian:12',
      ],
      [
        'FROM scratch AS r.example:5000/tools',
        'FROM own/a:1',
        'COPY --chown=1:1 --from=own/a:1 from=debian:12 /',
        'RUN echo --from=debian:12',
      ],
    ],
    [
      'each mount of a RUN, and nothing of its here-document',
      [
        'FROM scratch',
        'RUN --mount=type=bind,from=debian:12,target=/a \\',
        '  --mount=from=r.example:5000/tools,target=/b --mount=type=bind,target=/c,from=debian:12 <<E',
        'echo --mount=from=debian:12',
        'E',
      ],
      [
        'FROM scratch',
        'RUN --mount=type=bind,from=own/a:1,target=/a \\',
        '  --mount=from=own/b:1,target=/b --mount=type=bind,target=/c,from=own/a:1 <<E',
        'echo --mount=from=debian:12',
        'E',
      ],
    ],
    [
      'only what is called exactly so',
      ['FROM debian:12-slim', 'COPY --from=debian:12.1 a b', 'COPY --from=x/debian:12 a b'],
      ['FROM debian:12-slim', 'COPY --from=debian:12.1 a b', 'COPY --from=x/debian:12 a b'],
    ],
  ])('gives another name in %s', (_, before, after) => {
    expect(renamed(before)).toBe(after.join('\n'));
  });

  it('asks for no other platform of the parent', () => {
    const lines = ['ARG P', 'FROM --platform=$BUILDPLATFORM $P AS a', 'FROM $P', 'COPY --from=own/p:1 x y'];
    const options = { ...OPTIONS, args: { P: 'own/p:1' }, parentReference: 'own/p:1' };

    const { text } = renameBases(lines.join('\n'), NAMES, options);

    expect(text.split('\n')).toEqual(['ARG P', 'FROM own/p:1 AS a', 'FROM $P', 'COPY --from=own/p:1 x y']);
  });

  it('leaves no base but the new names', () => {
    const text = renamed(['ARG V', 'FROM debian:$V', 'COPY --from=r.example:5000/tools a b']);

    expect(findBases(text, OPTIONS).bases).toEqual(['own/a:1', 'own/b:1']);
  });

  it('says where it could give none', () => {
    const lines = ['FROM scratch', 'COPY --from=deb\\ian:12 a b'];

    const { unnamed } = renameBases(lines.join('\n'), NAMES, OPTIONS);

    expect(unnamed).toMatchObject([{ reference: 'debian:12', line: 2 }]);
  });
});

import { describe, expect, it } from '@jest/globals';
import { findBases } from '../../../images/dockerfile.ts';

function basesOf(
  dockerfile: string,
  args: Record<string, string> = {},
  platform?: string,
): readonly string[] {
  const found = findBases(dockerfile, { args, platform });
  expect(found.problems).toEqual([]);
  return found.bases;
}

describe('findBases', () => {
  it.each([
    ['every FROM, sorted and once', 'FROM debian:12\nFROM alpine\nFROM debian:12\n', ['alpine', 'debian:12']],
    [
      'a digest and a registry with a port',
      `FROM r.example:5000/a/b:1@sha256:${'0'.repeat(64)}\n`,
      [`r.example:5000/a/b:1@sha256:${'0'.repeat(64)}`],
    ],
    [
      'no stages, whatever their case',
      'FROM a AS Build\nFROM build AS last\nCOPY --from=BUILD x y\nCOPY --from=0 x y\n',
      ['a'],
    ],
    ['a stage only after it began', 'FROM b AS b\nFROM b\n', ['b']],
    ['nothing for scratch', 'FROM scratch\nCOPY --from=scratch a b\n', []],
    [
      'COPY --from',
      'FROM scratch\nCOPY --chown=1:1 --from=tools:1 a b\ncopy --from=other a b\n',
      ['other', 'tools:1'],
    ],
    [
      'RUN --mount',
      'FROM a\nRUN --mount=type=bind,from=b:1,target=/x --mount=type=cache,target=/c make\n',
      ['a', 'b:1'],
    ],
    [
      'no line of a here-document',
      'FROM a\nRUN <<EOF\nFROM b\nEOF\nCOPY <<X /x\nCOPY --from=c a b\nX\n',
      ['a'],
    ],
    [
      'what follows a here-document that stands in quotes',
      'FROM a AS build\nRUN sh -c "cat > /c <<EOF\\nport=80\\nEOF"\nFROM b\nCOPY --from=build /c /\n',
      ['a', 'b'],
    ],
    [
      'no line of a here-document that has a number, is indented or is named apart',
      'FROM a\nRUN x 3<<E\nFROM b\nE\nRUN x <<-E\nFROM b\n\tE\nRUN x << E\nFROM b\nE\nFROM c\n',
      ['a', 'c'],
    ],
    [
      'no line of a here-document whose name has quotes',
      "FROM a\nRUN <<e\"o\"\\'f\nFROM b\neo'f\nRUN <<'E F'\nFROM b\nE F\nRUN <<$E\nFROM b\n$E\nFROM c\n",
      ['a', 'c'],
    ],
    [
      'what follows a shift, a word and a name that begin none',
      'FROM a\nRUN x $((1 << N)) $((1 <<2))\nFROM b\nRUN x <<<E y<<E\nFROM c\nRUN x <<\nFROM d\nE\n',
      ['a', 'b', 'c', 'd'],
    ],
    ['names in quotes', 'FROM "debian:12" AS b\nFROM \'a\':1\nFROM "b"\n', ['a:1', 'debian:12']],
    [
      'names in flags with quotes',
      'FROM a\nCOPY --from="b:1" x y\nRUN --mount="type=bind,from=c,target=/x x" --mount=\\"from=d\\" make\n',
      ['a', 'b:1', 'c', 'd'],
    ],
    [
      'no flag among other words',
      'FROM a\nRUN make --mount=from=b\nCOPY --link -- --from=c x y\nRUN --network=none x --mount=from=d\n',
      ['a'],
    ],
    ['lines continued by another character', '# escape = `\nFROM a `\n AS b\nFROM c`\n:1\n', ['a', 'c:1']],
    ['none of that behind a comment', '# by=me\n# escape=`\nFROM a \\\n AS b\nFROM b\n', ['a']],
    ['no comment', '# FROM b\nFROM a\n# COPY --from=c x y\n', ['a']],
    ['a line continued', 'FROM --platform=$BUILDPLATFORM \\\n  a:1 \\\n  AS x\n', ['a:1']],
  ])('finds %s', (_, dockerfile, bases) => {
    expect(basesOf(dockerfile)).toEqual(bases);
  });

  it.each([
    ['the default of an ARG', 'ARG V=12\nFROM debian:$V\n', {}, ['debian:12']],
    ['a build argument before the default', 'ARG V=12\nFROM debian:${V}\n', { V: '13' }, ['debian:13']],
    ['an earlier ARG in a later', 'ARG A=1\nARG B=x-$A\nFROM i:$B\n', {}, ['i:x-1']],
    ['the default in the braces', 'FROM i:${V:-1}\nFROM j:${V-2}\n', {}, ['i:1', 'j:2']],
    ['the other word in the braces', 'ARG V=1\nFROM i:${V:+set}\nFROM j:x${W:+set}\n', {}, ['i:set', 'j:x']],
    ['an empty build argument', 'ARG V=1\nFROM i:${V:-2}\n', { V: '' }, ['i:2']],
    ['variables in each other', 'ARG T=1\nFROM ${I:-debian:${T:-${U}}}\n', {}, ['debian:1']],
    ['quotes', 'ARG V="a b"\nARG I="debian"\nFROM $I\n', {}, ['debian']],
  ])('substitutes %s', (_, dockerfile, args, bases) => {
    expect(basesOf(dockerfile, args as Record<string, string>)).toEqual(bases);
  });

  it.each([
    ['${V%.*}', 'b.c-1.2'],
    ['${V%%.*}', 'b'],
    ['b${V#b.c}', 'b-1.2.3'],
    ['${V#*-}', '1.2.3'],
    ['${V##*.}', '3'],
    ['${V/./-}', 'b-c-1.2.3'],
    ['${V//./-}', 'b-c-1-2-3'],
    ['${V/-*/}', 'b.c'],
    ['${V/c-?/c}', 'b.c.2.3'],
    ['${V//[.]/x}', 'b.c-1.2.3'],
    ['${V%%"-"*}', 'b.c'],
    ['${V/${C:-c}/d}', 'b.d-1.2.3'],
    ['${V%\\*}', 'b.c-1.2.3'],
    ['${V//\\//x}', 'b.c-1.2.3'],
    ['${V:?}', 'b.c-1.2.3'],
    ['${W+x}w', 'w'],
    ['${W-"a"}', 'a'],
    ["a${W:-'$V'}", undefined],
    ['${V:3}', undefined],
    ['${V', undefined],
    ['"a', undefined],
  ])('reads %j as an engine does', (written, image) => {
    const { bases } = findBases(`ARG V=b.c-1.2.3\nFROM ${written}\n`, { args: {} });

    expect(bases).toEqual(image === undefined ? [] : [image]);
  });

  it('knows the platform that the image is for', () => {
    expect(basesOf('FROM tool-$TARGETARCH:1\nFROM $TARGETOS\n', {}, 'linux/arm64')).toEqual([
      'linux',
      'tool-arm64:1',
    ]);
  });

  it('takes a platform that is the image’s own by another name, and refuses another one', () => {
    const same =
      'FROM --platform=$BUILDPLATFORM a\nFROM --platform=arm64 b\nFROM --platform=linux/aarch64/v8 c\n';
    expect(basesOf(same, {}, 'linux/arm64')).toEqual(['a', 'b', 'c']);

    const { problems } = findBases('FROM --platform=linux/amd64 a\n', { args: {}, platform: 'linux/arm64' });

    expect(problems).toEqual([
      expect.objectContaining({ message: 'FROM is for platform linux/amd64, the image for linux/arm64' }),
    ]);
  });

  it.each([
    ['FROM $V\n', 'FROM names $V, which has no value'],
    ['FROM a\nARG V=1\nFROM i:$V\n', 'FROM names $V, which has no value'],
    ['FROM a\nCOPY --from=$V a b\n', '"--from" and "from=" take no variables ($V)'],
    ['FROM Upper/Case\n', '"Upper/Case" is not the name of an image'],
    ['FROM Debian:Bookworm\n', '"Debian:Bookworm" is not the name of an image'],
    ['FROM a:b:c\n', '"a:b:c" is not the name of an image'],
    [
      'FROM slipway.invalid/image:1a2b\n',
      '"slipway.invalid/image:1a2b" is a name that only Slipway gives, and nobody can ask for',
    ],
    [
      'FROM a\nCOPY --from=slipway.invalid/image:1a2b a b\n',
      '"slipway.invalid/image:1a2b" is a name that only Slipway gives, and nobody can ask for',
    ],
    ['FROM ${V%.*}\n', 'FROM names $V, which has no value'],
    ['FROM ${V:-a\n', '"${V:-a" is not the name of an image'],
    ['FROM $DOCKER_IMAGE_PARENT\n', 'FROM names $DOCKER_IMAGE_PARENT, which has no value'],
  ])('reports %j', (dockerfile, message) => {
    const { problems } = findBases(dockerfile, { args: {} });

    expect(problems).toEqual([expect.objectContaining({ message, column: 1 })]);
  });

  it.each([
    [
      'of ARG lines that double again and again',
      ['A', 'B', 'C', 'D', 'E', 'F']
        .map((name, at) => `ARG ${name}=${at === 0 ? 'x' : `$${'_ABCDE'[at]}`.repeat(30)}\n`)
        .join(''),
      6,
    ],
    ['of many FROM lines', `ARG A=${'x'.repeat(10_000)}\n${'FROM $A\n'.repeat(200)}`, 105],
    ['in braces', `ARG A=${'x'.repeat(10_000)}\nARG B=${'${C:-$A}'.repeat(60)}\nFROM $B\n`, 2],
    ['in a replacement', `ARG A=${'x'.repeat(1000)}\nARG B=\${A//x/$A}\nFROM $B\n`, 2],
    ['of a platform', `ARG A=${'x'.repeat(10_000)}\nFROM --platform=${'$A'.repeat(120)} a\n`, 2],
  ])('refuses variables %s that grow beyond all bounds', (_, dockerfile, line) => {
    const { bases, problems } = findBases(dockerfile, { args: {}, platform: 'linux/amd64' });

    expect(bases).toEqual([]);
    expect(problems).toEqual([
      expect.objectContaining({ line, message: 'variables expand to more than 1048576 characters' }),
    ]);
  });

  it.each([
    ['a quote stays open', 'RUN sh -c "cat <<EOF\nport=80\nEOF"\nFROM b\n'],
    ['a here-document never ends', 'RUN cat <<EOF >x\nCOPY --from=b x y\n'],
    ['the second never ends', 'COPY << A << B /x/\n1\nA\nFROM b\n'],
  ])('refuses to leave out what follows where %s', (_, dockerfile) => {
    const { problems } = findBases(`FROM a\n${dockerfile}`, { args: {} });

    expect(problems).toEqual([
      expect.objectContaining({
        line: 2,
        column: 1,
        message: expect.stringContaining('it cannot be told where'),
      }),
    ]);
  });

  it.each([
    ['comments among many stages', 'FROM a\n'.repeat(75_000) + '#\n'.repeat(260_000)],
    ['here-documents that never end', Array.from({ length: 75_000 }, (_, at) => `RUN << ${at}x`).join('\n')],
    ['stars', `ARG A=${'a'.repeat(80_000)}\nARG B=\${A%%${'*a'.repeat(4)}b}\n`],
    ['many stars', `ARG A=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\nARG B=\${A##${'*a'.repeat(5000)}}\n`],
    ['quotes and escapes', `ARG A=${`"\\"'"`.repeat(200_000)}\n`],
  ])('takes a moment for %s', (_, dockerfile) => {
    const before = process.cpuUsage();

    findBases(dockerfile, { args: {} });

    // Of the processor, however many share it: what is not linear takes minutes.
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1e6).toBeLessThan(10);
  });

  it('takes a moment for braces that never close', () => {
    const dockerfile = `ARG A=${'${B:-'.repeat(100_000)}\nFROM scratch\n`;

    expect(findBases(dockerfile, { args: {} })).toMatchObject({ bases: [], problems: [] });
  });

  it('shows a name that is far too long by its beginning', () => {
    const { problems } = findBases(`FROM ${'X/'.repeat(500)}\n`, { args: {} });

    expect(problems[0]?.message.length).toBeLessThan(300);
  });
});

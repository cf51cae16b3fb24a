import { describe, expect, it } from '@jest/globals';
import { openBuildContext } from '../../../images/build-context.ts';
import type { ContextDefinition } from '../../../images/build-context.ts';
import { formatFinding } from '../../../model/findings.ts';
import { memoryTree } from '../../helpers/memory-tree.ts';
import type { MemoryFile } from '../../helpers/memory-tree.ts';

interface Around {
  readonly files?: Readonly<Record<string, MemoryFile>>;
  readonly args?: ContextDefinition['args'];
  readonly parent?: string;
  readonly imageNames?: readonly string[];
}

async function remarksOn(
  dockerfile: string,
  { files = {}, args = {}, parent, imageNames = ['lint', 'base'] }: Around = {},
): Promise<string[]> {
  const tree = memoryTree({ ...files, 'ctx/Dockerfile': dockerfile });
  const definition = { imageName: 'lint', context: 'ctx', args, hasParent: parent !== undefined };
  const context = await openBuildContext(tree, definition);
  const remarks = await context.remarks({ parent, imageNames: new Set(imageNames) });
  return remarks
    .filter(({ file }) => !LEFT_OUT.includes(file))
    .map((remark) => {
      expect(remark.file).toBe('ctx/Dockerfile');
      return formatFinding(remark).replace('ctx/Dockerfile:', '');
    });
}

/** A link to a directory, and submodules, of which other remarks are made. */
const LEFT_OUT = ['ctx/up', 'ctx/vendor/lib', 'lib/own'];
const FILES = {
  'ctx/a': '',
  'ctx/dir/b': '',
  'ctx/link': { link: 'a' },
  'ctx/up': { link: '../lib' },
  'lib/in/x': '',
  'lib/x': '',
};

describe('instructions', () => {
  it.each([
    ['', '1:1: the Dockerfile has no instructions; begin with "FROM image"; only ARG may stand before it'],
    ['# FROM a\n\n', '1:1: the Dockerfile has no instructions; begin with'],
    ['ARG A=1\n', '1:1: the Dockerfile has no FROM; begin with'],
    ['ARG A=1\n  run true\nFROM a\n', '2:3: RUN before the first FROM; begin with'],
    ['FORM debian\n', '1:1: unknown instruction "FORM"; did you mean "FROM"?'],
    ['FROM a\nRUNN true\n', '2:1: unknown instruction "RUNN"; did you mean "RUN"?'],
    ['FROM a\n coppy x y\n', '2:2: unknown instruction "COPPY"; did you mean "COPY"?'],
    [
      'FROM a\nRUN apt-get update\n  && apt-get install x\n',
      '3:3: unknown instruction "&&"; if the line before shall go on here, end it with the escape character',
    ],
    ['# escape=`\nFROM a\nRUN x `\n  y\nRUN x \\\n  y\n', '6:3: unknown instruction "Y"'],
    ['FROM a\nRUN x \\\\\n  why\n', '3:3: unknown instruction "WHY"'],
    ['FROM a\nRUN <<EOF\nx\nEOF\nCOPPY a b\n', '5:1: unknown instruction "COPPY"'],
    [
      '# syntax=docker/dockerfile:1\nFROM a\nMOUNTALL x\n',
      '3:1: warning: unknown instruction "MOUNTALL"; if the line',
    ],
    ['# syntax=docker/dockerfile:1\nFORM a\n', '2:1: unknown instruction "FORM"'],
    ['FROM a\n# %ARG A\nRUN $A\nCOPPY a b\n', '4:1: unknown instruction "COPPY"'],
  ])('of %j are refused', async (dockerfile, remark) => {
    expect(await remarksOn(dockerfile, { args: { A: 'x' } })).toEqual([expect.stringContaining(remark)]);
  });

  it.each([
    'from a\nAdd https://x.example/y /\nHealthCheck NONE\nSHELL ["sh"]\nSTOPSIGNAL 9\nMAINTAINER me\nONBUILD RUN x\n',
    '\ufeff# syntax = docker/dockerfile:1\n# escape=\\\n\nFROM a\n',
    'FROM a\nRUN x \\\n# a comment\n\n  # another\n  && y \\  \n  && z\n\\\n\nUSER x\n',
    'FROM a\nRUN x \\\n',
    'FROM a\nENV A=1 \\\n    B=2\nLABEL x="a \\\nFORM b"\nVOLUME /x\nWORKDIR /y\nEXPOSE 1\nCMD x\nENTRYPOINT y\n',
    'FR\\\nOM a\n',
    'FROM a\nRUN <<EOF cat && <<-"END" cat\nFORM\nEOF\nRUNN\n\t\tEND\nCOPY <<a <<b /x/\none\na\ntwo\nb\nONBUILD RUN <<EOF\nFORM\nEOF\nUSER x\n',
    "FROM a\nRUN cat <<'E' > /x\nFORM\nE\n",
    'FROM a\nRUN cat <<EOF>x\nFORM\nEOF\n',
    'FROM a\nRUN sh -c "cat <<EOF\nFORM\nEOF"\n',
    'FROM a\nRUN <<EOF\nnever ended\n',
    'FROM a\nRUN echo $((1 << 2)) && echo "<<" \nUSER x\n',
    'ARG V=1\nFROM a:$V\n',
  ])('of %j are all known', async (dockerfile) => {
    expect(await remarksOn(dockerfile)).toEqual([]);
  });

  it.each(['example.com/other:1', 'docker/dockerfile:1-labs', 'docker/dockerfile-upstream:master'])(
    'of %j come from a program that is fetched, which is said',
    async (syntax) => {
      expect(await remarksOn(`# escape=\\\n# syntax=${syntax} x\nFROM a\n`)).toEqual([
        `2:1: warning: "${syntax}" is fetched from outside by each engine that builds: it is neither pinned nor stored; "docker/dockerfile:1" needs nothing from outside on engines from 28 on`,
      ]);
    },
  );

  it('of another syntax are another program’s to judge', async () => {
    const remarks = await remarksOn('# syntax=example.com/other:1\nFORM a\nUSE b\n');

    expect(remarks).toEqual([expect.stringContaining('"example.com/other:1" is fetched from outside')]);
  });

  it('that are none are reported up to a few', async () => {
    expect(await remarksOn(`FROM a\n${'what is this\n'.repeat(1000)}`)).toHaveLength(10);
  });

  it('answer quickly for lines without end', async () => {
    const dockerfile = `FROM a\n${'\n'.repeat(200_000)}RUN ${'\\   '.repeat(50_000)}<<EOF\n${'\t'.repeat(200_000)}x\n`;

    expect(await remarksOn(dockerfile)).toEqual([]);
  });
});

describe('an image from outside with the name of one of the tree', () => {
  it.each([
    ['FROM base\n', '1:1', '"ARG DOCKER_IMAGE_PARENT" and "FROM $DOCKER_IMAGE_PARENT"'],
    ['ARG B=base\nFROM $B AS x\n', '2:1', '"FROM $DOCKER_IMAGE_PARENT"'],
    [
      'FROM a\nCOPY --from=base x y\n',
      '2:1',
      'write "FROM $DOCKER_IMAGE_PARENT AS base" and copy from that stage',
    ],
    ['FROM a\nRUN --mount=from=base,target=/x true\n', '2:1', 'copy from that stage'],
  ])('is warned of in %j', async (dockerfile, place, hint) => {
    const message = '"base" is pulled from outside, though an in-tree image has this name';

    const remarks = await remarksOn(dockerfile);

    expect(remarks).toEqual([
      expect.stringContaining(
        `${place}: warning: ${message}; if that one is meant, give the image "parent: base"`,
      ),
    ]);
    expect(remarks[0]).toContain(hint);
  });

  it.each([
    'FROM a AS base\nFROM base\nCOPY --from=base x y\nRUN --mount=from=base,target=/x true\n',
    'FROM base:1\n',
    'FROM x/base\n',
    'FROM lint\n',
  ])('is none in %j', async (dockerfile) => {
    expect(await remarksOn(dockerfile)).toEqual([]);
  });
});

describe('a parent', () => {
  it('that the Dockerfile never uses is warned of', async () => {
    expect(
      await remarksOn('# $DOCKER_IMAGE_PARENT\nARG DOCKER_IMAGE_PARENT\nFROM a\n', { parent: 'base' }),
    ).toEqual([
      '3:1: warning: image "lint" has the parent "base", which its Dockerfile never uses; ' +
        'write "ARG DOCKER_IMAGE_PARENT" and "FROM $DOCKER_IMAGE_PARENT", or leave out the parent',
    ]);
  });

  it.each([
    'ARG DOCKER_IMAGE_PARENT\nFROM $DOCKER_IMAGE_PARENT\n',
    '# %ARG DOCKER_IMAGE_PARENT\nFROM a\nCOPY --from=$DOCKER_IMAGE_PARENT x y\n',
    'ARG DOCKER_IMAGE_PARENT\nFROM ${X:-$DOCKER_IMAGE_PARENT} AS x\nFROM a\n',
    'FROM a\nARG DOCKER_IMAGE_PARENT\nRUN echo ${DOCKER_IMAGE_PARENT} > /made-from\n',
  ])('is used by %j', async (dockerfile) => {
    expect(await remarksOn(dockerfile, { parent: 'base' })).toEqual([]);
  });
});

describe('stages', () => {
  it.each([
    [
      'FROM a AS build\nFROM b\nCOPY --from=biuld x y\n',
      '3:1: warning: "biuld" is pulled from outside; did you mean the stage "build"?',
    ],
    ['FROM a AS build\nFROM b\nCOPY --from=Builds x y\n', '"builds" is pulled from outside'],
    [
      'FROM a\nFROM b\nCOPY --from=1 x y\n',
      '3:1: no earlier stage has number 1; earlier ones have the numbers 0 to 0',
    ],
    ['FROM a\nCOPY --from=7 x y\n', '2:1: no earlier stage has number 7; there is none before'],
    [
      'FROM a\nCOPY --from=late x y\nFROM b AS late\n',
      '2:1: warning: "late" is pulled from outside, though a later stage has this name; move the stage of line 3',
    ],
    ['FROM a AS x\nFROM b AS X\n', '2:1: warning: a stage "x" has begun before'],
  ])('of %j are mistaken', async (dockerfile, remark) => {
    expect((await remarksOn(dockerfile)).map((found) => found.replace('Builds', 'builds'))).toEqual([
      expect.stringContaining(remark),
    ]);
  });

  it.each([
    'FROM a AS build\nFROM b\nCOPY --from=build x y\nCOPY --from=0 x y\n',
    'FROM a AS build\nFROM b\nCOPY --from=built:1 x y\nCOPY --from=busybox x y\n',
    'FROM a AS go\nFROM b\nCOPY --from=gob x y\n',
    'FROM debian AS debian\nFROM debian\n',
  ])('of %j are as they are meant', async (dockerfile) => {
    expect(await remarksOn(dockerfile)).toEqual([]);
  });
});

describe('sources of COPY and ADD', () => {
  it.each([
    [
      'COPY nothing /x',
      '2:1: COPY source "nothing" is not in the build context; add ctx/nothing; only committed files count',
    ],
    ['ADD --chown=1:1 a ./dir/c /x/', '2:1: ADD source "./dir/c" is not in the build context'],
    ['COPY ["a", "no", "/x/"]', 'COPY source "no" is not in the build context'],
    ['COPY a \\\n  no /x/', '2:1: COPY source "no"'],
    ['COPY a/b /x', 'COPY source "a/b"'],
    ['COPY up/in/x /x', 'COPY source "up/in/x"'],
    ['COPY topsrcdir/lib/out /x', 'COPY source "topsrcdir/lib/out"'],
    [
      'COPY ../lib/in /x',
      '2:1: warning: COPY source "../lib/in" leads out of the build context; write "# %include lib/in" and copy "topsrcdir/lib/in"',
    ],
    [
      'COPY a/../../../x /x',
      'warning: COPY source "../../x" leads out of the build context; write "# %include PATH"',
    ],
    ['COPY no /x\nFROM b', '2:1: warning: COPY source "no" is not in the build context'],
    ['COPY no /x\nRUN cat <<EOF>x', '2:1: warning: COPY source "no"'],
  ])('in %j are warned of or refused', async (instruction, remark) => {
    expect(await remarksOn(`FROM a\n${instruction}\n# %include lib/in\n`, { files: FILES })).toEqual([
      expect.stringContaining(remark),
    ]);
  });

  it.each([
    ['vendor/lib', 'ctx/vendor/lib'],
    ['vendor/lib/src/x.c', 'ctx/vendor/lib'],
    ['topsrcdir/lib/own', 'lib/own'],
    ['topsrcdir/lib/own/x', 'lib/own'],
  ])('that are in a submodule are refused: %s', async (source, submodule) => {
    const dockerfile = `FROM a\nCOPY vendor/x ${source} /x/\n# %include lib/own\n`;
    const files = {
      ...FILES,
      'ctx/vendor/lib': 'submodule:',
      'ctx/vendor/x': '',
      'lib/own': 'submodule:',
    } as const;

    expect(await remarksOn(dockerfile, { files })).toEqual([
      `2:1: COPY source "${source}" is not in the build context; "${submodule}" is a submodule, which a build context leaves out: commit its files, or clone it in the image`,
    ]);
  });

  it.each([
    'COPY . .',
    'COPY / /x',
    'COPY a dir dir/ ./dir/b /a Dockerfile link up topsrcdir topsrcdir/lib topsrcdir/lib/in/x /x/',
    'COPY --link --chmod=755 a /x',
    'COPY no* no? [n]o $no ${no:-x no} /x',
    'COPY "no no" /x',
    'COPY no\\ no /x',
    "COPY 'no no' /x",
    'COPY --from=b no /x',
    'COPY --chown=1 --from=b no /x',
    'ADD https://x.example/no git@x.example:no github.com/no/no.git /x',
    'COPY <<no /x\nCOPY no /x\nno',
    'COPY ["n o", "/x"]',
    'COPY [not a list',
    'ONBUILD COPY no /x',
    'RUN cp no /x',
  ])('in %j are taken', async (instruction) => {
    expect(await remarksOn(`FROM a\n${instruction}\n# %include lib/in\n`, { files: FILES })).toEqual([]);
  });

  it('are found in a context that is the root of the tree', async () => {
    const tree = memoryTree({ Dockerfile: 'FROM a\nCOPY lib no /x/\nCOPY ../x /x\n', 'lib/x': '' });
    const context = await openBuildContext(tree, {
      imageName: 'lint',
      context: '.',
      args: {},
      hasParent: false,
    });

    const remarks = await context.remarks({ parent: undefined, imageNames: new Set() });

    expect(remarks.map(({ message }) => message)).toEqual([
      'COPY source "no" is not in the build context',
      'COPY source "../x" leads out of the build context',
    ]);
  });
});

describe('comments that are nearly special', () => {
  it.each([
    ['#%include lib/x', '2:1', 'include lib/x'],
    ['# %INCLUDE lib/x', '2:1', 'include lib/x'],
    ['  # %include lib/x', '2:3', 'include lib/x'],
    ['# % include lib/x', '2:1', 'include lib/x'],
    ['#%ARG VERSION', '2:1', 'ARG VERSION'],
    ['# %arg VERSION', '2:1', 'ARG VERSION'],
    ['#  %ARG VERSION ', '2:1', 'ARG VERSION'],
  ])('are warned of: %j', async (comment, place, meant) => {
    expect(await remarksOn(`FROM a\n${comment}\n`)).toEqual([
      `${place}: warning: "${comment.trim()}" is a comment like any other; ` +
        `write "# %${meant}" at the beginning of the line, if it shall count`,
    ]);
  });

  it.each([
    '# %include lib/x',
    '#%include is not meant here',
    '# 5% include x',
    '#%includes x',
    '#%arg <name>',
    '# %ARG V',
  ])('are none in %j', async (comment) => {
    expect(await remarksOn(`FROM a\n${comment}\n`, { files: FILES, args: { V: '' } })).toEqual([]);
  });
});

describe('mounts of what builds do not have', () => {
  const HINT = 'let a task fetch what needs them: tasks may have "secrets"';
  it.each([
    [
      'RUN --mount=type=secret,id=a cat /run/secrets/a',
      `2:1: warning: "RUN --mount=type=secret" mounts nothing: builds have no secrets; ${HINT}`,
    ],
    [
      'RUN --network=none --mount=id=a,type=secret,required=true x',
      `2:1: "RUN --mount=type=secret" fails: builds have no secrets; ${HINT}`,
    ],
    ['RUN --mount=type=secret,id=a,required x', '2:1: "RUN --mount=type=secret" fails'],
    ['RUN --mount=type=secret,required=false x', '2:1: warning: "RUN --mount=type=secret" mounts nothing'],
    ['RUN --mount=type=ssh,required=true x\nFROM b', '2:1: warning: "RUN --mount=type=ssh" fails'],
    [
      'RUN --mount=type=ssh git clone x',
      `2:1: warning: "RUN --mount=type=ssh" mounts nothing: builds have no SSH agent; ${HINT}`,
    ],
  ])('are said: %j', async (line, remark) => {
    expect(await remarksOn(`FROM a\n${line}\n`)).toEqual([expect.stringContaining(remark)]);
  });

  it.each([
    'RUN --mount=type=cache,target=/x,id=type=secret x',
    'RUN echo --mount=type=secret',
    '# type=ssh',
  ])('are none in %j', async (line) => {
    expect(await remarksOn(`FROM a\n${line}\n`)).toEqual([]);
  });
});

describe('operands', () => {
  it.each([
    ['FROM a base', '1:1: FROM takes an image, or an image, AS and a name; write "FROM image AS name"'],
    ['FROM a AS', '1:1: FROM takes an image, or'],
    ['FROM a # newest', '1:1: FROM takes an image, or'],
    ['FROM a\nCOPY a', '2:1: COPY has a source and no destination; write "COPY a /path/in/the/image"'],
    ['FROM a\nADD --chown=1 a', '2:1: ADD has a source and no destination'],
    ['FROM a\nRUN', '2:1: warning: RUN has nothing behind it; complete the line, or remove it'],
    ['FROM a\nENV \n', '2:1: ENV has nothing behind it'],
    ['FROM a\nCOPY --chmood=1 a /', '2:1: warning: unknown flag "--chmood" of COPY; did you mean "--chmod"?'],
    ['FROM --arch=x a', '1:1: warning: unknown flag "--arch" of FROM; known are: --platform'],
    ['FROM a\nRUN --mounts=type=cache x', '2:1: warning: unknown flag "--mounts" of RUN; did you mean'],
  ])('that are wrong are said: %j', async (dockerfile, remark) => {
    expect(await remarksOn(dockerfile, { files: FILES })).toEqual([expect.stringContaining(remark)]);
  });

  it.each([
    'FROM --platform=linux/amd64 a\tas b\nCOPY --link --FROM=b ["a", "/"]\nCMD\nENTRYPOINT\n',
    'FROM a\nCOPY --parents --exclude=x a dir /x/\nADD --keep-git-dir=true https://x.example/a.git /\n',
    'FROM a\nRUN --network=none --security=sandbox --mount=type=tmpfs,target=/x x --unknown\n',
    'FROM a\nCOPY <<EOF /x\nEOF\nRUN <<EOF\nx\nEOF\n',
  ])('that are right are not: %j', async (dockerfile) => {
    expect(await remarksOn(dockerfile, { files: FILES })).toEqual([]);
  });
});

import { createHash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { describe, expect, it, jest } from '@jest/globals';
import { openBuildContext } from '../../../images/build-context.ts';
import type { BuildContext, ContextDefinition } from '../../../images/build-context.ts';
import type { InvalidInput } from '../../../model/errors.ts';
import { formatFinding } from '../../../model/findings.ts';
import { createContextHashCache } from '../../../images/context-hash-cache.ts';
import { openCheckout } from '../../../source/git-source.ts';
import { GitRepository, scratchDirectory } from '../../helpers/git-repository.ts';
import { GOLDEN } from '../../helpers/golden-contexts.ts';
import { memoryTree } from '../../helpers/memory-tree.ts';
import type { MemoryFile } from '../../helpers/memory-tree.ts';

// Git processes take their time on a busy machine.
jest.setTimeout(60_000);

function open(
  files: Readonly<Record<string, MemoryFile>>,
  definition: Partial<ContextDefinition> = {},
): Promise<BuildContext> {
  const defaults = { imageName: 'lint', context: 'ctx', args: {}, hasParent: false };
  return openBuildContext(memoryTree(files), { ...defaults, ...definition });
}

async function findingsOf(
  files: Readonly<Record<string, MemoryFile>>,
  definition: Partial<ContextDefinition> = {},
): Promise<string[]> {
  const error: unknown = await open(files, definition).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toMatchObject({ type: 'InvalidInput' });
  return (error as InvalidInput).findings.map(formatFinding);
}

/** The Dockerfile that an engine of a version gets. */
async function builtDockerfile(dockerfile: string, engineVersion: string): Promise<string> {
  const context = await open({ 'ctx/Dockerfile': dockerfile });
  const hashed = await buffer(context.tar());
  expect(hashed.subarray(512, 512 + Buffer.byteLength(dockerfile)).toString()).toBe(dockerfile);
  expect(createHash('sha256').update(hashed).digest('hex')).toBe(context.contextHash);
  const built = await buffer(context.tar({ engineVersion, baseNames: new Map([['a', 'b']]) }));
  return built.subarray(512, 1024).toString().replace(/\0.*$/s, '');
}

describe('a Dockerfile that names its syntax', () => {
  it.each([
    ['# syntax=docker/dockerfile:1\nFROM a\n', '#\nFROM b\n'],
    ['#syntax = docker.io/docker/dockerfile:1.7.0 \nFROM a\n', '#\nFROM b\n'],
    [
      '\ufeff# Syntax=docker/dockerfile\n# escape=`\nFROM a\nRUN x `\n y\n',
      '# escape=`\n#\nFROM b\nRUN x `\n y\n',
    ],
    ['# escape=`\n# syntax=docker/dockerfile:latest\n\nFROM a\n', '# escape=`\n#\n\nFROM b\n'],
  ])('%j is built without it where an engine needs none from outside', async (dockerfile, built) => {
    expect(await builtDockerfile(dockerfile, '29.0.1')).toBe(built);
  });

  it.each<[syntax: string, version: string, isLeftOut: boolean]>([
    ['docker/dockerfile:1', '28.5.0', true],
    ['docker/dockerfile:1', 'dev', true],
    ['docker/dockerfile:1', '27.5.1', false],
    ['docker/dockerfile:1.4', '23.0.0', true],
    ['docker/dockerfile:1.4', '20.10.24+dfsg1', false],
    ['docker/dockerfile:1.7', '24.0.9', false],
    ['docker/dockerfile:1.12.1', '28.0.0', true],
    ['docker/dockerfile:1.13', '28.4.0', false],
    ['docker/dockerfile:1.19', '28.5.2+dfsg1', true],
    ['docker/dockerfile:1.20', '29.0.0', false],
    ['docker/dockerfile:1.20', '29.1.3', true],
    ['docker/dockerfile:1.21', '30.0.0', false],
  ])('%s is left to an engine %s itself: %p', async (syntax, version, isLeftOut) => {
    const built = await builtDockerfile(`# syntax=${syntax}\nFROM a\n`, version);
    expect(built.includes('syntax')).toBe(!isLeftOut);
  });

  it.each<[line: string, version: string, isLeftOut: boolean]>([
    ['COPY --exclude=*.md . /', '28.4.0', false],
    ['COPY --exclude=*.md . /', '28.5.0', true],
    ['ADD --link \\\n --exclude=*.md . /', '28.0.0', false],
    ['COPY --parents x /', '29.0.4', false],
    ['copy --from=b --parents x /', '29.0.4', false],
    ['COPY --parents x /', '29.1.0', true],
    ['COPY --parents x /', 'dev', true],
    ['RUN --device=x y', '29.1.0', false],
    ['RUN x --parents --exclude', '28.0.0', true],
    ['# COPY --parents x /', '28.0.0', true],
  ])('with %j is left to an engine %s itself: %p', async (line, version, isLeftOut) => {
    const built = await builtDockerfile(`# syntax=docker/dockerfile:1\nFROM a\n${line}\n`, version);
    expect(built.includes('syntax')).toBe(!isLeftOut);
  });

  it.each([
    '# syntax=docker/dockerfile:1-labs\nFROM a\n',
    '# syntax=docker/dockerfile:2\nFROM a\n',
    `# syntax=docker/dockerfile@sha256:${'a'.repeat(64)}\nFROM a\n`,
    '# syntax=example.com/docker/dockerfile:1\nFROM a\n',
    'FROM a\n# syntax=docker/dockerfile:1\n',
  ])('%j keeps any other', async (dockerfile) => {
    expect(await builtDockerfile(dockerfile, '29.0.1')).toBe(dockerfile.replace('FROM a', 'FROM b'));
  });
});

describe('what an engine may not know of a Dockerfile', () => {
  const HERE = 'RUN <<EOF\nset -e\nEOF\n';
  const FLAGS = 'COPY --link a /\nADD \\\n --checksum=x y /\ncopy --link --chown=1 b /\n';
  it.each<[lines: string, version: string, unknown: readonly string[]]>([
    [HERE, '20.10.24+dfsg1', ['here-documents']],
    [HERE, '23.0.0', []],
    [HERE, 'dev', []],
    ['ONBUILD COPY <<-"END" /x\n\tFORM\n\tEND\n', '20.10.24', ['here-documents']],
    [FLAGS, '20.10.24', ['COPY --link', 'ADD --checksum']],
    [FLAGS, '23.0.6', ['ADD --checksum']],
    [FLAGS, '28.0.0', []],
    [`${FLAGS}${HERE}`, '20.10.24', ['COPY --link', 'ADD --checksum', 'here-documents']],
    ['ADD --keep-git-dir=true --link x /', '20.10.24', ['ADD --keep-git-dir', 'ADD --link']],
    ['HEALTHCHECK --start-interval=1s CMD x', '20.10.24', ['HEALTHCHECK --start-interval']],
    ['HEALTHCHECK --interval=1s CMD x', '20.10.24', []],
    ['COPY --parents --exclude=x a /', '28.5.0', ['COPY --parents']],
    ['COPY --parents --exclude=x a /', '29.1.0', []],
    ['RUN --mount=type=cache,target=/x echo $((1 << 2)) --link', '20.10.24', []],
    ['RUN sh -c "cat <<EOF\nx\nEOF"', '20.10.24', []],
    ['# COPY --link a /', '20.10.24', []],
    ['# %include lib/x\n# %ARG TO\nCOPY --link topsrcdir/lib/x $TO', '20.10.24', ['COPY --link']],
  ])('%j, by an engine %s: %j', async (lines, version, unknown) => {
    const files = { 'ctx/Dockerfile': `FROM a\n${lines}`, 'lib/x': '' };
    expect((await open(files, { args: { TO: '/' } })).unknownTo(version)).toEqual(unknown);
  });

  it.each(['docker/dockerfile:1', 'docker/dockerfile:1.2', 'example.com/other:1'])(
    'is another program’s to know where the syntax is %s',
    async (syntax) => {
      const files = { 'ctx/Dockerfile': `# syntax=${syntax}\nFROM a\n${FLAGS}${HERE}` };
      expect((await open(files)).unknownTo('20.10.24')).toEqual([]);
    },
  );
});

describe('openBuildContext', () => {
  it.each(GOLDEN)(
    'gives the hash that taskgraph gives for $name',
    async ({ files, args, hasParent, contextHash }) => {
      const context = await open(files, { args, hasParent });

      expect(context.contextHash).toBe(contextHash);
    },
  );

  it('gives the same hashes for objects of git, read and from the cache', async () => {
    using scratch = scratchDirectory();
    const cache = createContextHashCache(`${scratch.path}/cache`);
    const hashes: [string, string][] = [];
    const expected: [string, string][] = [];
    for (const [at, { name, files, args, hasParent, contextHash }] of GOLDEN.entries()) {
      const repository = new GitRepository(`${scratch.path}/${at}`);
      const revision = repository.commit(files);
      const definition = { imageName: 'lint', context: 'ctx', args, hasParent };
      for (let time = 0; time < 2; time += 1) {
        const tree = openCheckout(repository.directory, revision);
        hashes.push([name, (await openBuildContext(tree, definition, { cache })).contextHash]);
        expected.push([name, contextHash]);
      }
    }

    expect(hashes).toEqual(expected);
  });

  it('gives a tar whose hash is the context hash', async () => {
    const context = await open({ 'ctx/Dockerfile': 'FROM scratch\n', 'ctx/a': 'x'.repeat(1000) });

    const tar = await buffer(context.tar());

    expect(createHash('sha256').update(tar).digest('hex')).toBe(context.contextHash);
    expect(tar.length % 10_240).toBe(0);
  });

  it('puts the real parent into the tar and changes no other byte', async () => {
    const files = {
      'ctx/Dockerfile': '# %ARG DOCKER_IMAGE_PARENT\nFROM $DOCKER_IMAGE_PARENT\n',
      'ctx/a': 'PARENT',
    };
    const context = await open(files, { hasParent: true });

    const hashed = await buffer(context.tar());
    const built = await buffer(context.tar({ parentReference: 'slip12' }));

    expect(hashed.includes('FROM PARENT\n')).toBe(true);
    expect(built.includes('FROM slip12\n')).toBe(true);
    expect(Buffer.from(built.toString('latin1').replace('FROM slip12', 'FROM PARENT'), 'latin1')).toEqual(
      hashed,
    );
  });

  it('puts other names of bases into the tar, and refuses what it cannot name, with its place', async () => {
    const names = new Map([['debian:12', 'own:1']]);
    const named = await open({ 'ctx/Dockerfile': '# %ARG V\nFROM debian:$V\n' }, { args: { V: '12' } });
    const hidden = await open({ 'ctx/Dockerfile': 'FROM scratch\nCOPY --from=deb\\ian:12 a b\n' });

    const tar = await buffer(named.tar({ baseNames: names }));

    expect(tar.includes('FROM own:1\n')).toBe(true);
    expect(() => hidden.tar({ baseNames: names })).toThrow(
      'ctx/Dockerfile:2:1: "debian:12" is written with escapes',
    );
  });

  it('takes the context through a link and under another spelling', async () => {
    const files = { 'real/Dockerfile': 'FROM scratch\n', 'real/a': '1', ctx: { link: 'real' } };

    const hashes = await Promise.all(
      ['real', 'ctx', './real/', 'x/../real'].map((context) => open(files, { context })),
    );

    expect(new Set(hashes.map(({ contextHash }) => contextHash)).size).toBe(1);
  });

  it('names the bases', async () => {
    const files = { 'ctx/Dockerfile': '# %ARG V\nARG R=deb\nFROM $R:$V\nCOPY --from=busybox /a /b\n' };

    const { bases } = await open(files, { args: { V: '12', R: 'debian' } });

    expect(bases).toEqual(['busybox', 'debian:12']);
  });

  it('takes no parent for a base, in either way of naming it', async () => {
    const byArg = { 'ctx/Dockerfile': 'ARG DOCKER_IMAGE_PARENT\nFROM $DOCKER_IMAGE_PARENT\n' };
    const byComment = {
      'ctx/Dockerfile': '# %ARG DOCKER_IMAGE_PARENT\nFROM $DOCKER_IMAGE_PARENT AS x\nFROM x\n',
    };

    expect((await open(byArg, { hasParent: true })).bases).toEqual([]);
    expect((await open(byComment, { hasParent: true })).bases).toEqual([]);
  });
});

describe('openBuildContext refuses', () => {
  it.each([
    ['an absolute include', '/etc/passwd', 'included path "/etc/passwd" is absolute'],
    ['an include above the tree', '../x', 'included path "../x" is outside the tree'],
    ['an include that climbs out on the way', 'lib/../../tree-evil/x', 'is outside the tree'],
    ['a missing include', 'lib/nothing', 'included path "lib/nothing" does not exist in the tree'],
    ['an include below a file', 'lib/a/b', 'included path "lib/a/b" does not exist in the tree'],
    ['an include that is a link out of the tree', 'out', '"out" is a symbolic link out of the tree'],
    [
      'an include through a link out of the tree',
      'far/x',
      '"far/x" leads through "far", a symbolic link out',
    ],
    ['an include of a directory that holds a link out', 'bad', '"bad/up" is a symbolic link out of the tree'],
    ['an include that is a link in a loop', 'round', 'loop'],
    ['an include of nothing', '', '"# %include" names no path'],
  ])('%s', async (_, path, message) => {
    const findings = await findingsOf({
      'ctx/Dockerfile': `FROM scratch\n# %include ${path}\n`,
      'lib/a': '1',
      'bad/up': { link: '../../x' },
      far: { link: '..' },
      out: { link: '/etc/passwd' },
      round: { link: 'round' },
    });

    expect(findings).toEqual([expect.stringContaining(message)]);
    expect(findings[0]).toMatch(/^ctx\/Dockerfile:2:(12|1): /);
  });

  it.each([
    ['that leads out of the tree', '../../etc', 'ctx/l:1:1: "ctx/l" is a symbolic link out of the tree'],
    ['that is absolute', '/etc/passwd', 'ctx/l:1:1: "ctx/l" is a symbolic link out of the tree'],
    ['to nothing', 'nothing', 'ctx/l:1:1: "ctx/l" is a symbolic link to something that does not exist'],
    ['to a directory that is a file', 'Dockerfile/', 'is a symbolic link to something that does not exist'],
    ['to what is in a file', './Dockerfile/.', 'is a symbolic link to something that does not exist'],
    ['to no name at all', '', 'is a symbolic link to something that does not exist'],
  ])('a link of the context %s', async (_, target, message) => {
    const findings = await findingsOf({ 'ctx/Dockerfile': 'FROM scratch\n', 'ctx/l': { link: target } });

    expect(findings).toEqual([expect.stringContaining(message)]);
  });

  it('every mistake of a context at once, each at its place', async () => {
    const dockerfile = [
      '# %ARG',
      '# %ARG V',
      'FROM $OS',
      '# %include-run-task',
      '# %include no',
      'COPY --from=$X a b',
      '',
    ];

    const findings = await findingsOf({ 'ctx/Dockerfile': dockerfile.join('\n'), 'ctx/l': { link: '/x' } });

    expect(findings.map((finding) => finding.split('; ')[0])).toEqual([
      'ctx/Dockerfile:1:1: "# %ARG" names no argument',
      'ctx/Dockerfile:2:8: argument "V" has no value',
      'ctx/Dockerfile:3:1: FROM names $OS, which has no value',
      'ctx/Dockerfile:4:1: "# %include-run-task" is not supported',
      'ctx/Dockerfile:5:12: included path "no" does not exist in the tree',
      'ctx/Dockerfile:6:1: "--from" and "from=" take no variables ($X)',
      'ctx/l:1:1: "ctx/l" is a symbolic link out of the tree',
    ]);
  });

  it('an included link to nothing, unless something else is put there later', async () => {
    const files = { 'lib/l': { link: 'no' }, 'ctx/topsrcdir/lib/l': '1', 'other/l': '2' };
    const bad = { 'ctx/Dockerfile': 'FROM scratch\n# %include lib\n', ...files };
    const good = { 'ctx/Dockerfile': 'FROM scratch\n# %include other\n', ...files };
    const hidden = { ...good, 'ctx/topsrcdir/other/l': { link: 'no' } };

    const findings = await findingsOf(bad);
    const hashes = await Promise.all([open(good), open(hidden)]);

    expect(findings).toEqual([expect.stringMatching(/^ctx.Dockerfile:2:12: "lib.l" is a symbolic link to/)]);
    expect(hashes[0].contextHash).toBe(hashes[1].contextHash);
  });

  it('a value with half of a character', async () => {
    const findings = await findingsOf(
      { 'ctx/Dockerfile': 'FROM scratch\n# %ARG A\n' },
      { args: { A: '\ud83d' } },
    );

    expect(findings).toEqual([
      expect.stringContaining('Dockerfile:2:8: the value of argument "A" has half of'),
    ]);
  });

  it('an argument that is only inherited by every object', async () => {
    const findings = await findingsOf({ 'ctx/Dockerfile': '# %ARG constructor\nFROM scratch\n' });

    expect(findings).toEqual([expect.stringContaining('argument "constructor" has no value')]);
  });

  it('the parent of an image that has none', async () => {
    const findings = await findingsOf({
      'ctx/Dockerfile': '# %ARG DOCKER_IMAGE_PARENT\nFROM $DOCKER_IMAGE_PARENT\n',
    });

    expect(findings).toContainEqual(expect.stringContaining('give the image a "parent" in slipway.yml'));
  });

  it.each([
    ['a missing context', 'nowhere', 'image "lint": context "nowhere" does not exist in the tree'],
    ['a context that is a file with a slash', 'file/', 'image "lint": context "file/" is a file'],
    ['a context that is a file', 'file', 'image "lint": context "file" is a file'],
    ['a context outside the tree', '../x', 'image "lint": context "../x" is outside the tree'],
    ['an absolute context', '/x', 'image "lint": context "/x" is outside the tree'],
    [
      'a context without a Dockerfile',
      'empty',
      'image "lint": context "empty" has no Dockerfile; add empty/Dockerfile',
    ],
    [
      'a context that is a submodule',
      'libs/sub/',
      'image "lint": context "libs/sub/" is a submodule; keep the context in this repository',
    ],
    [
      'a context in a submodule',
      'libs/sub/docker',
      'image "lint": context "libs/sub/docker" is in the submodule "libs/sub"; keep the context in this',
    ],
  ])('%s', async (_, context, message) => {
    const files = { file: '', 'empty/a': '', 'libs/sub': 'submodule:' } as const;
    const findings = await findingsOf(files, { context });

    expect(findings).toEqual([expect.stringContaining(`slipway.yml:1:1: ${message}`)]);
  });

  it('a Dockerfile that is not UTF-8', async () => {
    const findings = await findingsOf({ 'ctx/Dockerfile': Buffer.from([0x46, 0xff]) });

    expect(findings).toEqual([expect.stringContaining('the Dockerfile is not UTF-8')]);
  });

  it('arguments whose values stand for each other again and again, where they are used', async () => {
    const names = ['A0', 'A1', 'A2', 'A3', 'A4'];
    const args = Object.fromEntries(names.map((name, at) => [name, `$A${at + 1} `.repeat(30)]));
    const comments = names.map((name) => `# %ARG ${name}\n`).join('');

    const findings = await findingsOf({ 'ctx/Dockerfile': `FROM scratch\n${comments}RUN $A0\n` }, { args });

    expect(findings).toEqual([
      'ctx/Dockerfile:7:1: arguments expand to more than 1048576 characters; ' +
        'let fewer of their values name each other, or make them shorter',
    ]);
  });

  it('lines that are too long only together', async () => {
    const args = { A: 'x'.repeat(300_000) };

    const findings = await findingsOf(
      { 'ctx/Dockerfile': `FROM scratch\n# %ARG A\n${'RUN $A\n'.repeat(4)}` },
      { args },
    );

    expect(findings).toEqual([expect.stringMatching(/^ctx\/Dockerfile:6:1: arguments expand to more than/)]);
  });

  it('a value that is longer than a Dockerfile, and more arguments than a Dockerfile has', async () => {
    const long = await findingsOf(
      { 'ctx/Dockerfile': 'FROM scratch\n# %ARG A\n' },
      { args: { A: 'x'.repeat(2_000_000) } },
    );
    const many = await findingsOf(
      { 'ctx/Dockerfile': `FROM scratch\n${'# %ARG A\n'.repeat(1001)}` },
      { args: { A: 'x' } },
    );

    expect(long).toEqual([expect.stringContaining('Dockerfile:2:8: the value of argument "A" has 2000000')]);
    expect(many).toEqual([expect.stringContaining('Dockerfile:1002:1: there are more than 1000 lines')]);
  });

  it('a parent whose real name makes it too long', async () => {
    const dockerfile = `# %ARG DOCKER_IMAGE_PARENT\nFROM $DOCKER_IMAGE_PARENT\n${'RUN $DOCKER_IMAGE_PARENT\n'.repeat(35_000)}`;
    const context = await open({ 'ctx/Dockerfile': dockerfile }, { hasParent: true });

    expect(() => context.tar({ parentReference: 'x'.repeat(100) })).toThrow('expand to more than 1048576');
  });
});

import { describe, expect, it } from '@jest/globals';
import { describeImages } from '../../../images/describe-images.ts';
import { computeImageHash } from '../../../images/image-hash.ts';
import { memoryTree } from '../../helpers/memory-tree.ts';

const TREE = memoryTree({
  'base/Dockerfile': 'FROM debian:12\n',
  'lint/Dockerfile': 'ARG DOCKER_IMAGE_PARENT\nFROM $DOCKER_IMAGE_PARENT\n# %ARG V\nRUN $V\n',
  'bad/Dockerfile': '# %include no\n',
});
const BASE = { context: 'base' };
const LINT = { context: 'lint', parent: 'base', args: { V: '1' } };
const OPTIONS = {
  platform: 'linux/amd64',
  resolveBase: (): Promise<string | undefined> => Promise.resolve('sha256:aa'),
};

describe('computeImageHash', () => {
  it('is the sha-256 of the canonical JSON of recipe and inputs', () => {
    const inputs = {
      contextHash: 'c0',
      args: { B: '2', A: 'é' },
      platform: 'linux/amd64',
      parent: null,
      bases: { 'debian:12': 'sha256:aa' },
    };

    // printf '{"args":{"A":"é","B":"2"},"bases":{"debian:12":"sha256:aa"},"contextHash":"c0","parent":null,"platform":"linux/amd64","recipe":1}' | sha256sum
    expect(computeImageHash(inputs)).toBe('f7ac2e833ab51d3da6f30bd6ced459f7208ec9fd32345bb05bc8dcfa976e2e60');
  });
});

describe('describeImages', () => {
  it('describes needed images and their parents, parents first and each once', async () => {
    const definitions = { top: { ...LINT, parent: 'lint' }, lint: LINT, base: BASE, unused: BASE };

    const { images, findings } = await describeImages(TREE, definitions, ['top', 'lint'], OPTIONS);

    expect(findings).toEqual([]);
    expect(images.map(({ name }) => name)).toEqual(['base', 'lint', 'top']);
  });

  it('carries the hash of the parent in the hash of the child', async () => {
    const definitions = { lint: LINT, base: BASE };

    const { images } = await describeImages(TREE, definitions, ['lint'], OPTIONS);
    const [base, lint] = images;

    expect(base?.inputs).toMatchObject({
      parent: null,
      bases: { 'debian:12': 'sha256:aa' },
      platform: 'linux/amd64',
    });
    expect(lint?.inputs).toMatchObject({ parent: base?.imageHash, bases: {}, args: { V: '1' } });
    expect(lint?.imageHash).toBe(lint && computeImageHash(lint.inputs));
  });

  it('knows no hash while a base of the image or of its parent has no record', async () => {
    const definitions = { lint: LINT, base: BASE };

    const { images } = await describeImages(TREE, definitions, ['lint'], {
      ...OPTIONS,
      resolveBase: () => Promise.resolve(undefined),
    });

    expect(images).toMatchObject([
      { name: 'base', imageHash: null, missingBases: ['debian:12'], inputs: { bases: {} } },
      { name: 'lint', imageHash: null, missingBases: [] },
    ]);
    expect(images[0]?.contextHash).toMatch(/^[0-9a-f]{64}$/);
  });

  it('gives another hash for another base, argument or platform', async () => {
    const hashOf = async (
      args: Record<string, string>,
      digest: string,
      platform: string,
    ): Promise<unknown> => {
      const definition = { context: 'base', args };
      const options = { platform, resolveBase: () => Promise.resolve(digest) };
      return (await describeImages(TREE, { base: definition }, ['base'], options)).images[0]?.imageHash;
    };

    const hashes = await Promise.all([
      hashOf({}, 'sha256:aa', 'linux/amd64'),
      hashOf({ X: '1' }, 'sha256:aa', 'linux/amd64'),
      hashOf({}, 'sha256:bb', 'linux/amd64'),
      hashOf({}, 'sha256:aa', 'linux/arm64'),
    ]);

    expect(new Set(hashes).size).toBe(4);
  });

  it('asks once for a base that several images need', async () => {
    let asked = 0;

    await describeImages(TREE, { a: BASE, b: BASE }, ['a', 'b'], {
      ...OPTIONS,
      resolveBase: () => Promise.resolve(`sha256:${(asked += 1)}`),
    });

    expect(asked).toBe(1);
  });

  it('names the image of each finding and still describes the others', async () => {
    const definitions = {
      bad: { context: 'bad' },
      gone: { context: 'gone' },
      child: { ...LINT, parent: 'bad' },
      base: BASE,
    };

    const { images, findings } = await describeImages(TREE, definitions, ['child', 'gone', 'base'], OPTIONS);

    expect(findings.map(({ imageName, file, line }) => `${imageName} ${file}:${line}`)).toEqual([
      'bad bad/Dockerfile:1',
      'gone slipway.yml:1',
    ]);
    expect(images).toMatchObject([{ name: 'child', imageHash: null }, { name: 'base' }]);
  });

  it('describes no image that an engine would refuse, and warns once of a Dockerfile that images share', async () => {
    const tree = memoryTree({ 'a/Dockerfile': 'FORM x\n', 'b/Dockerfile': 'FROM a\n' });
    const definitions = { a: { context: 'a' }, b: { context: 'b' }, c: { context: 'b' } };

    const { images, findings } = await describeImages(tree, definitions, ['a', 'b', 'c'], OPTIONS);

    expect(findings).toMatchObject([
      { severity: 'error', file: 'a/Dockerfile', message: 'unknown instruction "FORM"', imageName: 'a' },
      { severity: 'warning', file: 'b/Dockerfile', imageName: 'b' },
    ]);
    expect(images.map(({ name }) => name)).toEqual(['b', 'c']);
  });

  it('tells what an engine would refuse beside what cannot be hashed, each line once', async () => {
    const text = 'FROM debian\n# %include nothing/here\nCOPYY x y\nCOPY x\nFROM $UNKNOWN\n';
    const tree = memoryTree({ 'a/Dockerfile': text });

    const { images, findings } = await describeImages(tree, { a: { context: 'a' } }, ['a'], OPTIONS);

    expect(images).toEqual([]);
    expect(findings.map(({ severity, line }) => `${severity} ${line}`).sort()).toEqual([
      'error 2',
      'error 3',
      'error 4',
      'error 5',
    ]);
  });

  it('ends on a cycle of parents', async () => {
    const definitions = { a: { context: 'base', parent: 'b' }, b: { context: 'base', parent: 'a' } };

    const { images } = await describeImages(TREE, definitions, ['a'], OPTIONS);

    expect(images.map(({ imageHash }) => imageHash)).toEqual([null, null]);
  });
});

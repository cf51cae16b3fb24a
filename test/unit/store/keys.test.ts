import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import * as keys from '../../../store/keys.ts';

const REVISION = 'a'.repeat(40);
const TASK = `task/demo/3/${REVISION}/lint/js`;
const IMAGE = `image/demo/1/base/${'b'.repeat(64)}`;

describe('the layout', () => {
  it.each([
    [keys.blobKey(`sha256:${'c'.repeat(64)}`), `blobs/sha256/${'c'.repeat(64)}`],
    [keys.taskKey(TASK), `level-3/tasks/task/demo/${REVISION}/lint~js`],
    [keys.taskKey(IMAGE), `level-1/tasks/image/demo/base/${'b'.repeat(64)}`],
    [
      keys.artifactKey(TASK, 0, 'public/image.tar'),
      `level-3/tasks/task/demo/${REVISION}/lint~js/runs/0/artifacts/public/image.tar`,
    ],
    [keys.logChunkKey(TASK, 2, 7), `level-3/tasks/task/demo/${REVISION}/lint~js/runs/2/log/00000007`],
    [keys.pushKey(`push/demo/1/${REVISION}~abc`, 'plan'), `level-1/pushes/demo/${REVISION}~abc/plan.json`],
    [keys.imagesPrefix('demo~pr7', 1), 'level-1/index/demo~pr7/images/'],
    [
      keys.baseKey('demo', 3, { platform: 'linux/amd64', reference: 'example.org/a:1' }),
      'level-3/index/demo/bases/linux%2Famd64/example.org%2Fa%3A1',
    ],
  ])('has %s', (key, expected) => {
    expect(key).toBe(expected);
  });
});

describe('the name of an artifact', () => {
  it.each([
    ['a'.repeat(600), true],
    ['木'.repeat(200), true],
    // Nine bytes each in the metadata of an object, of which S3 keeps 2 KB.
    [`${'木'.repeat(120)}/${'木'.repeat(120)}`, false],
    [Array.from({ length: 6 }, () => 'a'.repeat(180)).join('/'), false],
  ])('%s is short enough for every store: %s', (name, isShort) =>
    expect(keys.isArtifactNameShort(TASK, 0, name)).toBe(isShort),
  );
});

describe('encodeSegment', () => {
  it('gives different texts different segments that every store can hold', () => {
    const text = fc.oneof(
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 400 }),
      fc.constantFrom('.', '..', '%2E', 'a/b'),
    );
    fc.assert(
      fc.property(text, text, (one, other) => {
        const segment = keys.encodeSegment(one);
        keys.checkKey(`a/${segment}/b`);
        expect(segment).not.toContain('/');
        expect(segment === keys.encodeSegment(other)).toBe(one === other);
      }),
    );
  });
});

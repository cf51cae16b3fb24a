import { describe, expect, it } from '@jest/globals';
import type { Explanation, FileChange, ImageChange } from '../../../model/schema/explanation.ts';
import { changesInShort, whyInShort } from '../../../steps/why-words.ts';

const file = (over: Partial<FileChange> = {}): FileChange => ({
  what: 'changed',
  path: 'docker/lint/Dockerfile',
  inContext: 'Dockerfile',
  before: { path: 'docker/lint/Dockerfile', objectId: 'a' },
  after: { path: 'docker/lint/Dockerfile', objectId: 'b' },
  ...over,
});
const files = (...all: FileChange[]): ImageChange => ({ kind: 'files', files: all, count: all.length });
const why = (over: Partial<Explanation>): Explanation => ({
  reason: 'changed',
  changes: [],
  tried: [],
  notes: [],
  ...over,
});
const AGAINST = {
  imageHash: 'h',
  taskId: 't',
  run: 0,
  level: 3,
  created: '2026-11-24T00:24:45.722Z',
};
const A = `sha256:${'a'.repeat(64)}`;
const B = `sha256:${'b'.repeat(64)}`;

describe('changesInShort', () => {
  it.each<[string, ImageChange[]]>([
    [
      'Dockerfile:3 changed, +1 −1; argument NODE_VERSION 22 → 24; parent base changed (docker/base/Dockerfile:2)',
      [
        files(file({ line: 3, added: 1, removed: 1 })),
        { kind: 'argument', name: 'NODE_VERSION', before: '22', after: '24' },
        {
          kind: 'parent',
          before: { name: 'base', imageHash: '1' },
          after: { name: 'base', imageHash: '2' },
          changes: [files(file({ path: 'docker/base/Dockerfile', line: 2, added: 1, removed: 0 }))],
        },
      ],
    ],
    ['Dockerfile:3 changed, +2', [files(file({ line: 3, added: 2, removed: 0 }))]],
    ['Dockerfile changed', [files(file())]],
    [
      'tool.bin changed, 10 → 12 bytes',
      [
        files(
          file({
            inContext: 'tool.bin',
            binary: true,
            before: { path: 'x', objectId: 'a', sizeBytes: 10 },
            after: { path: 'x', objectId: 'b', sizeBytes: 12 },
          }),
        ),
      ],
    ],
    [
      'a added; b removed; run.sh is executable now; and 1 more file',
      [
        files(
          file({ what: 'added', inContext: 'a' }),
          file({ what: 'removed', inContext: 'b' }),
          file({ what: 'mode', inContext: 'run.sh', after: { path: 'x', objectId: 'a', executable: true } }),
          file({ inContext: 'c' }),
        ),
      ],
    ],
    [
      'current leads to versions/2 now',
      [files(file({ what: 'link', inContext: 'current', after: { path: 'versions/2', objectId: 'b' } }))],
    ],
    [
      'scripts/setup.sh changed',
      [
        files({
          what: 'changed',
          path: 'scripts/setup.sh',
          before: { path: 'scripts/setup.sh', objectId: 'a' },
          after: { path: 'scripts/setup.sh', objectId: 'b' },
        }),
      ],
    ],
    ['bell\\u0007\\udc80 added', [files(file({ what: 'added', inContext: 'bell\u0007\udc80' }))]],
    [
      'argument A is new: 1; argument B is gone; argument C "" → "two words"',
      [
        { kind: 'argument', name: 'A', after: '1' },
        { kind: 'argument', name: 'B', before: '1' },
        { kind: 'argument', name: 'C', before: '', after: 'two words' },
      ],
    ],
    [
      'base debian:12 refreshed on 2026-11-24 00:24, aaaaaaaaaaaa → bbbbbbbbbbbb',
      [{ kind: 'base', reference: 'debian:12', before: A, after: B, resolved: AGAINST.created }],
    ],
    [
      'Dockerfile:1 changed, +1 −1; base debian:12 → debian:13',
      [
        files(file({ line: 1, added: 1, removed: 1 })),
        { kind: 'base', reference: 'debian:12', before: A },
        { kind: 'base', reference: 'debian:13', after: B },
      ],
    ],
    [
      'parent base → tools',
      [
        {
          kind: 'parent',
          before: { name: 'base', imageHash: '1' },
          after: { name: 'tools', imageHash: '2' },
        },
      ],
    ],
    [
      'platform linux/amd64 → linux/arm64',
      [{ kind: 'platform', before: 'linux/amd64', after: 'linux/arm64' }],
    ],
    ['the recipe by which images are identified changed', [{ kind: 'recipe' }]],
    ['its context changed (which files, was not kept)', [{ kind: 'context' }]],
  ])('says: %s', (text, changes) => expect(changesInShort(changes)).toBe(text));
});

describe('whyInShort', () => {
  it.each<[string, Partial<Explanation>]>([
    ['built before, at level 3 on 2026-11-24 00:24', { reason: 'known', against: AGAINST }],
    ['no image of this name was built before', { reason: 'new' }],
    ['its rebuild was asked for', { reason: 'asked' }],
    [
      'built on 2026-11-24 00:24, but blobs of it are gone or damaged',
      { reason: 'damaged', against: AGAINST },
    ],
    [
      'built on 2026-11-24 00:24, which is longer ago than rebuild-after allows',
      { reason: 'expired', against: AGAINST },
    ],
    [
      'its parent base is built again',
      { reason: 'parent-rebuilt', detail: 'its parent base is built again' },
    ],
    ['its rebuild was asked for; base x is tracked', { reason: 'asked', notes: ['base x is tracked'] }],
  ])('says: %s', (text, over) => expect(whyInShort(why(over))).toBe(text));

  it('stays one line of bounded length, whatever the tree holds', () => {
    const long = why({ changes: [files(file({ what: 'added', inContext: `a\n${'b'.repeat(5_000)}` }))] });

    expect(whyInShort(long)).toHaveLength(500);
    expect(whyInShort(long)).not.toContain('\n');
  });
});

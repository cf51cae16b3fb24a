import { describe, expect, it } from '@jest/globals';
import { commonLayers } from '../../../docker/transport/common-layers.ts';
import type { Digest } from '../../../model/pure/ids.ts';

const digests = (letters: string): readonly Digest[] =>
  [...letters].map((letter): Digest => `sha256:${letter.repeat(64)}`);

describe('commonLayers', () => {
  it.each([
    ['abe', 'ab', 'ab', 'the beginning that both have'],
    ['ab', 'abe', 'ab', 'all, where the other one has more'],
    ['abe', 'ace', 'a', 'none above the first that differs: a classic engine has it on another chain'],
    ['aebe', 'ae', 'a', 'none that comes again above'],
    ['eeb', 'ee', 'e', 'each once'],
    ['ab', 'cb', '', 'nothing, where the lowest differ'],
    ['ab', '', '', 'nothing, where there is no other'],
  ])('of %s and %s are "%s": %s', (image, other, expected, _why) => {
    expect([...commonLayers(digests(image), digests(other))]).toEqual(digests(expected));
  });
});

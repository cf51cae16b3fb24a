import { expect, it } from '@jest/globals';
import { nameInTarball } from '../../../model/engine-names.ts';
import { isReference } from '../../../model/image-reference.ts';
import { NAME_PATTERN } from '../../../model/pure/ids.ts';

const imageHash = 'ab'.repeat(32);

it.each(['lint', 'a.b', 'a_b', 'a__b', 'a--b', '0'])(
  'an image named %s has that name in its tarball',
  (name) => {
    expect(nameInTarball({ name, imageHash })).toBe(`slipway.invalid/${name}:${imageHash}`);
  },
);

it.each(['lint-', 'tools.', 'a_', 'a..b', 'a._b', 'x___y', 'a-.b'])(
  'an image named %s, which no engine takes, has its own name of engines in its tarball',
  (name) => {
    expect(NAME_PATTERN.test(name)).toBe(true);
    expect(isReference(`slipway.invalid/${name}:${imageHash}`)).toBe(false);

    expect(nameInTarball({ name, imageHash })).toBe(`slipway.invalid/image:${imageHash}`);
  },
);

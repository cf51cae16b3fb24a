import { expect, it } from '@jest/globals';
import { parseMountLimit } from '../../../model/mount-limit.ts';

it.each([
  ['2 GB', 2e9],
  ['500MiB', 500 * 1024 ** 2],
  ['none', Infinity],
  ['off', 0],
  ['30%', undefined],
  ['much', undefined],
])('%s of a cache mount are %s bytes', (text, bytes) => {
  expect(parseMountLimit(text)).toBe(bytes);
});

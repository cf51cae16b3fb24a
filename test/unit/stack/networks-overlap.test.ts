import { describe, expect, it } from '@jest/globals';
import { networksOverlap } from '../../../stack/networks-overlap.ts';

describe('networksOverlap', () => {
  it.each([
    ['10.130.0.0/16', '10.130.4.0/24', true],
    ['10.130.4.7', '10.130.0.0/16', true],
    ['10.131.0.0/16', '10.130.0.0/16', false],
    ['10.128.0.0/9', '10.200.0.0/16', true],
    ['10.0.0.0/9', '10.200.0.0/16', false],
    ['0.0.0.0/0', '10.200.0.0/16', true],
    ['192.0.2.0/24', '10.200.0.0/16', false],
  ])('says of %s and %s: %s', (one, other, expected) => {
    expect(networksOverlap(one, other)).toBe(expected);
    expect(networksOverlap(other, one)).toBe(expected);
  });

  it('refuses what is no IPv4 network', () => {
    expect(() => networksOverlap('fd00::/64', '10.0.0.0/8')).toThrow('Not an IPv4 network: fd00::/64');
  });
});

import { expect, it } from '@jest/globals';
import { PRIORITY_KEYS } from '../../../model/pure/priority.ts';

it('Seven priorities keep their order on the five keys of the server, of which 1 goes first', () => {
  expect(PRIORITY_KEYS).toEqual({
    highest: 1,
    'very-high': 1,
    high: 2,
    medium: 3,
    low: 4,
    'very-low': 5,
    lowest: 5,
  });
});

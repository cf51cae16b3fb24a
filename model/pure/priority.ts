export type Priority = 'highest' | 'very-high' | 'high' | 'medium' | 'low' | 'very-low' | 'lowest';

/** Seven names of the field on the five keys that the server has; 1 goes first. */
export const PRIORITY_KEYS: Readonly<Record<Priority, number>> = {
  highest: 1,
  'very-high': 1,
  high: 2,
  medium: 3,
  low: 4,
  'very-low': 5,
  lowest: 5,
};

/** The middle of the numbers; of an even count the mean of the two in the middle. @throws {RangeError} when there are none. */
export function median(numbers: readonly number[]): number {
  if (numbers.length === 0) throw new RangeError('No numbers');
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

/** The smallest and the largest. */
export function spread(numbers: readonly number[]): readonly [number, number] {
  return [Math.min(...numbers), Math.max(...numbers)];
}

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

/** The smallest number that so large a part (0 to 1) of all is not above. @throws {RangeError} when there are none. */
export function percentile(numbers: readonly number[], part: number): number {
  if (numbers.length === 0) throw new RangeError('No numbers');
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] as number;
}

/** Begins to measure; the function gives the whole milliseconds since. By a clock that nobody sets, unlike `Date`. */
export function startStopwatch(): () => number {
  const began = performance.now();
  return () => Math.round(performance.now() - began);
}

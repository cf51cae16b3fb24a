import type { FreedRoom } from '../docker/engine.ts';

/** One line about what had to go so that an engine keeps its disk budget. */
export function roomText({ images, freedBytes }: FreedRoom): string {
  const what = images === 0 ? 'build cache' : `${images} image${images === 1 ? '' : 's'} that nobody uses`;
  return `Made room in the engine: removed ${what}, ${freedBytes} bytes freed`;
}

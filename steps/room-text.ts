import type { FreedRoom } from '../docker/engine.ts';

/** One line about what had to go so that an engine keeps its disk budget. */
export function roomText({ images, caches, containers, freedBytes }: FreedRoom): string {
  const what = [
    counted(images, 'image'),
    counted(caches, 'cache'),
    counted(containers, 'container of a failed task', 'containers of failed tasks'),
  ].filter((one) => one !== '');
  const removed = what.length === 0 ? 'build cache' : `${what.join(' and ')} that nobody uses`;
  return `Made room in the engine: removed ${removed}, ${freedBytes} bytes freed`;
}

function counted(count: number, what: string, several = `${what}s`): string {
  return count === 0 ? '' : `${count} ${count === 1 ? what : several}`;
}

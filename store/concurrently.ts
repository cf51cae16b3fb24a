/** Requests under way at once where many small objects are read. */
const WIDTH = 16;

/** Maps items by an asynchronous function, a bounded number at a time, in order. */
export async function mapConcurrently<T, R>(
  items: readonly T[],
  map: (item: T) => Promise<R>,
): Promise<readonly R[]> {
  const results = new Array<R>(items.length);
  const queue = items.entries();
  const worker = async (): Promise<void> => {
    for (const [index, item] of queue) results[index] = await map(item);
  };
  await Promise.all(Array.from({ length: Math.min(WIDTH, items.length) }, worker));
  return results;
}

/** Does something with each item of a stream, a bounded number at a time and in no order; holds no more of them than that. */
export async function forEachConcurrently<T>(
  items: AsyncIterable<T>,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const underWay = new Set<Promise<void>>();
  try {
    for await (const item of items) {
      const one = work(item).finally(() => underWay.delete(one));
      underWay.add(one);
      one.catch(() => undefined);
      if (underWay.size >= WIDTH) await Promise.race(underWay);
    }
    await Promise.all(underWay);
  } finally {
    // What is still under way after an error ends before anybody goes on.
    await Promise.allSettled(underWay);
  }
}

/** Requests under way at once where many small objects are read. */
const WIDTH = 16;

/**
 * Maps items by an asynchronous function, at most `width` at a time, in order. After an error no further item is begun, and
 * those that are under way have ended before it is thrown: nothing goes on behind the back of whoever tidies up.
 */
export async function mapConcurrently<T, R>(
  items: Iterable<T>,
  map: (item: T) => Promise<R>,
  width = WIDTH,
): Promise<readonly R[]> {
  const results: R[] = [];
  const waiting = [...items].entries();
  const errors: unknown[] = [];
  const work = async (): Promise<void> => {
    for (const [at, item] of waiting) {
      if (errors.length > 0) return;
      results[at] = await map(item);
    }
  };
  await Promise.all(
    Array.from({ length: width }, () => work().catch((error: unknown) => void errors.push(error))),
  );
  if (errors.length > 0) throw errors[0];
  return results;
}

/** The same, but equal items (as JSON) once: they have one result in common. Gives that of each item. */
export async function mapEachOnce<T, R>(
  items: Iterable<T>,
  map: (item: T) => Promise<R>,
): Promise<(item: T) => R> {
  const unique = new Map([...items].map((item) => [JSON.stringify(item), item]));
  const results = new Map(
    await mapConcurrently(unique, async ([key, item]) => [key, await map(item)] as const),
  );
  return (item) => results.get(JSON.stringify(item)) as R;
}

/**
 * Maps items by an asynchronous function, up to `width` of them ahead of whoever takes the results, and gives those in order. What is under
 * way has ended before an error is thrown or an early end goes on.
 */
export async function* mapAhead<T, R>(
  items: Iterable<T> | AsyncIterable<T>,
  map: (item: T) => Promise<R>,
  width = WIDTH,
): AsyncGenerator<R> {
  const underWay: Promise<R>[] = [];
  try {
    for await (const item of items) {
      const one = map(item);
      one.catch(() => undefined);
      underWay.push(one);
      if (underWay.length < width) continue;
      yield await underWay[0]!;
      void underWay.shift();
    }
    for (let one = underWay[0]; one; one = underWay[0]) {
      yield await one;
      void underWay.shift();
    }
  } finally {
    await Promise.allSettled(underWay);
  }
}

/** Does something with each item of a stream, a bounded number at a time and in no order; holds no more of them than that. */
export async function forEachConcurrently<T>(
  items: AsyncIterable<T>,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const underWay = new Set<Promise<void>>();
  // Kept: while the next item is waited for nobody would see it.
  const errors: unknown[] = [];
  try {
    for await (const item of items) {
      const one = work(item)
        .catch((error: unknown) => void errors.push(error))
        .finally(() => underWay.delete(one));
      underWay.add(one);
      if (underWay.size >= WIDTH) await Promise.race(underWay);
      if (errors.length > 0) break;
    }
  } finally {
    // What is still under way after an error ends before anybody goes on.
    await Promise.all(underWay);
  }
  if (errors.length > 0) throw errors[0];
}

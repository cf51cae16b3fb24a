/**
 * Runs several things side by side. When one fails the others' signal is aborted, and only after all have ended the first
 * failure is thrown: nothing goes on behind the caller's back.
 */
export async function together<T extends readonly unknown[]>(
  signal: AbortSignal,
  start: (signal: AbortSignal) => { readonly [K in keyof T]: Promise<T[K]> },
): Promise<T> {
  const failed = new AbortController();
  const all = start(AbortSignal.any([signal, failed.signal]));
  let first: { readonly error: unknown } | undefined;
  const results = await Promise.all(
    all.map((one) =>
      Promise.resolve(one).catch((error: unknown) => {
        first ??= { error };
        failed.abort(error);
        return undefined;
      }),
    ),
  );
  if (first) throw first.error;
  return results as unknown as T;
}

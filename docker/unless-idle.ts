/** Carries out a request whose answer comes in pieces, each of which is `heard`; gives it up when nothing is for `idleMs`. */
export async function unlessIdle<T>(
  { idleMs, signal }: { readonly idleMs: number; readonly signal: AbortSignal },
  request: (signal: AbortSignal, heard: () => void) => Promise<T>,
): Promise<T> {
  const silence = new AbortController();
  const timer = setTimeout(() => silence.abort(new Error(`no answer within ${idleMs / 1000} s`)), idleMs);
  try {
    return await request(AbortSignal.any([signal, silence.signal]), () => timer.refresh());
  } catch (error) {
    throw silence.signal.aborted ? silence.signal.reason : error;
  } finally {
    clearTimeout(timer);
  }
}

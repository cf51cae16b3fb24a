import type { OnProgress } from '../engine.ts';

export interface ToldLayer {
  /** As engines show it: the beginning of a digest, or where it lies in a tar. */
  readonly layer: string;
  readonly totalBytes: number;
  readonly doing: keyof typeof DONE;
}

const DONE = { fetching: 'fetched', sending: 'sent', storing: 'stored' } as const;
/** Often enough for a line that people read. */
const EVERY_MS = 100;

/** Passes a layer's bytes on and tells how many have passed, in the way in which engines tell it of their own transfers. */
export async function* tellBytes(
  body: AsyncIterable<unknown>,
  { layer, totalBytes, doing }: ToldLayer,
  onProgress: OnProgress | undefined,
): AsyncGenerator<Buffer> {
  const message = `${layer}: ${doing}`;
  let bytes = 0;
  let toldMs = performance.now();
  onProgress?.({ message, layer, bytes, totalBytes });
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    const now = performance.now();
    if (now - toldMs >= EVERY_MS) {
      toldMs = now;
      onProgress?.({ message, layer, bytes, totalBytes });
    }
    yield chunk;
  }
  onProgress?.({ message: `${layer}: ${DONE[doing]}`, layer, bytes, totalBytes });
}

/** The digits of a digest that people are shown. */
export function shortDigest(digest: string): string {
  return digest.replace('sha256:', '').slice(0, 12);
}

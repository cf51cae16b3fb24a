import type { Progress } from '../../../docker/engine.ts';
import { formatBytes, formatDuration } from './quantities.ts';

interface Layer {
  readonly id: string;
  bytes: number;
  totalBytes: number | undefined;
  readonly startedMs: number;
  isDone: boolean;
}

/** What is sent and received; an engine's other words (waiting, extracting) are about bytes that have arrived. */
const MOVES = /: (downloading|pushing|fetching|sending|storing)$/i;
const ARRIVED =
  /: (download complete|verifying checksum|extracting|unpacking|pull complete|pushed|fetched|sent|stored)$/i;

/** Layers on their way into an engine or out of it: a line for each that has arrived, and one for those that are coming. */
export class LayerProgress {
  readonly #layers = new Map<string, Layer>();
  readonly #now: () => number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Takes one message in; gives a line when a layer has come to its end. */
  update({ message, layer: id, bytes, totalBytes }: Progress): string | undefined {
    if (id === undefined) return undefined;
    const known = this.#layers.get(id);
    if (MOVES.test(message)) {
      const layer = known ?? { id, bytes: 0, totalBytes, startedMs: this.#now(), isDone: false };
      layer.bytes = bytes ?? layer.bytes;
      layer.totalBytes = totalBytes ?? layer.totalBytes;
      this.#layers.set(id, layer);
      return undefined;
    }
    if (!known || known.isDone || !ARRIVED.test(message)) return undefined;
    known.isDone = true;
    // The last message about bytes comes a little before the end.
    known.bytes = Math.max(known.bytes, known.totalBytes ?? 0);
    return describe(known, this.#now());
  }

  /** Layers that are coming, with what has arrived of each and how quickly all of it comes; '' while there is none. */
  line(): string {
    const coming = [...this.#layers.values()].filter(({ isDone }) => !isDone);
    if (coming.length === 0) return '';
    const now = this.#now();
    const perSecond = coming.reduce((sum, layer) => sum + rateOf(layer, now), 0);
    const parts = coming.map(({ id, bytes, totalBytes }) =>
      totalBytes === undefined
        ? `${id} ${formatBytes(bytes)}`
        : `${id} ${formatBytes(bytes)} of ${formatBytes(totalBytes)}`,
    );
    return `${formatBytes(perSecond)}/s: ${parts.join(', ')}`;
  }
}

function describe(layer: Layer, now: number): string {
  const took = formatDuration(now - layer.startedMs);
  return `  ${layer.id}  ${formatBytes(layer.bytes)} in ${took}, ${formatBytes(rateOf(layer, now))}/s`;
}

function rateOf({ bytes, startedMs }: Layer, now: number): number {
  return bytes / (Math.max(1, now - startedMs) / 1000);
}

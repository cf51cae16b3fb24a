import type { OnProgress, Progress } from '../../docker/engine.ts';
import { LayerProgress } from './render/layer-progress.ts';
import { formatBytes } from './render/quantities.ts';
import type { Terminal } from './terminal.ts';

/** The line at the bottom changes this often. */
const REFRESH_MS = 200;

/** Shows a person what moves, layer by layer, with bytes and rate; nothing where nobody looks. */
export function showTransfer(terminal: Terminal): OnProgress {
  if (!terminal.isInteractive) return () => undefined;
  const layers = new LayerProgress();
  let shown = 0;
  return (progress) => {
    const arrived = layers.update(progress);
    if (arrived !== undefined) terminal.note(arrived);
    if (Date.now() - shown < REFRESH_MS) return;
    shown = Date.now();
    terminal.status(layers.line() || describe(progress));
  };
}

/** What an engine does with what has arrived. */
function describe({ message, bytes, totalBytes }: Progress): string {
  if (bytes === undefined || totalBytes === undefined) return message;
  return `${message} ${formatBytes(bytes)} of ${formatBytes(totalBytes)}`;
}

/** The same for bytes that are counted as they pass. */
export function showBytes(terminal: Terminal, what: string): (bytes: number) => void {
  const began = performance.now();
  let shown = 0;
  return (bytes) => {
    if (Date.now() - shown < REFRESH_MS) return;
    shown = Date.now();
    const seconds = Math.max(0.001, (performance.now() - began) / 1000);
    terminal.status(`${what}: ${formatBytes(bytes)}, ${formatBytes(bytes / seconds)}/s`);
  };
}

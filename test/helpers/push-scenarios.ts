import type { GraphTask } from '../../model/pure/graph-pages.ts';
import type { KnownImage } from '../../model/pure/payloads.ts';
import type { PushGraph } from '../../workflows/push-graph.ts';

const STATES = ['completed', 'completed', 'completed', 'failed', 'exception'] as const;
const IMAGES = ['i0', 'i1', 'i2'];

export interface Scenario {
  readonly tasks: readonly GraphTask[];
  /** Plays it on a graph of these tasks; gives what was started, given up and set back, one line for each step. */
  play(graph: PushGraph): readonly string[];
}

/** A graph and what happens to it, the same for each seed: ends come in bursts, tasks and images fail, some are set back. */
export function pushScenario(seed: number): Scenario {
  const random = randomNumbers(seed);
  const below = (count: number): number => Math.floor(random() * count);
  const labels = Array.from({ length: 40 }, (_, i) => `t${i}`);
  const tasks = labels.map((label, i) => someTask(label, labels.slice(0, i), below));
  return { tasks, play };

  function play(graph: PushGraph): readonly string[] {
    const told: string[] = [];
    const tell = (what: string, which: readonly string[]): void =>
      void (which.length > 0 && told.push(`${what} ${which.join(' ')}`));
    const take = (limit: number): void =>
      tell(
        'start',
        graph.takeReady(limit).map(({ label }) => label),
      );
    const record = (): void =>
      tell(
        'never',
        graph.takeNeverStarted().map(({ label, culprit = '' }) => `${label}:${culprit}`),
      );
    for (let step = 0; step < 120; step++) {
      const what = below(10);
      if (what < 5) {
        for (let ends = below(6); ends > 0 && graph.openCount > 0; ends--) {
          const label = graph.openLabels[below(graph.openCount)] ?? '';
          const state = STATES[below(STATES.length)] ?? 'completed';
          graph.resolveTask({ label, state, reason: state === 'exception' ? 'internal-error' : state });
        }
      } else if (what === 5) graph.resolveImage(IMAGES[below(IMAGES.length)] ?? '', someImage(below(3) > 0));
      else if (what === 6) record();
      else if (what === 7) {
        const meant = graph.meantBy({ tasks: 'failed', downstream: false });
        const again = meant.filter((label) => below(3) === 0 && graph.hasEnded(label));
        graph.reopen(new Map(again.map((label) => [label, step])));
        tell('again', again);
      } else take(what === 8 ? 2 : 7);
    }
    take(labels.length);
    record();
    return told;
  }
}

function someTask(label: string, before: readonly string[], below: (count: number) => number): GraphTask {
  const few = Array.from({ length: below(5) }, () => before[below(before.length)]);
  return {
    label,
    dependencies: [...new Set(few.filter((dependency) => dependency !== undefined))],
    requires: below(2) === 0 ? 'all-completed' : 'all-resolved',
    ...(below(4) === 0 ? { image: IMAGES[below(IMAGES.length)] ?? '' } : {}),
    firstRun: 0,
    retries: 5,
    deadlineSeconds: 1,
    maxRunTimeSeconds: 1,
    priority: 5,
  };
}

function someImage(isBuilt: boolean): KnownImage {
  const stored = {
    manifestDigest: `sha256:${'a'.repeat(64)}`,
    configDigest: `sha256:${'b'.repeat(64)}`,
  } as const;
  if (!isBuilt) return { taskId: 'image/d/1/i/h', reason: 'image-build-failed', bytesUploaded: 0 };
  return { taskId: 'image/d/1/i/h', reason: 'built', stored: { ...stored, sizeBytes: 1 }, bytesUploaded: 0 };
}

/** Numbers from 0 to 1, the same for each seed. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

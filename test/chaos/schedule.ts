import { Random } from './random.ts';

export type FaultKind =
  | 'kill worker'
  | 'stop worker'
  | 'drain worker'
  | 'kill temporal'
  | 'stop temporal'
  | 'kill s3'
  | 'stop s3'
  | 'kill docker'
  | 'stop docker'
  | 'kill sidecar'
  | 'remove container'
  | 'prune engine'
  | 'kill up'
  | 'down and up';

export type PushKind =
  | 'new image'
  | 'new child image'
  | 'known images'
  | 'failing task'
  | 'failing build'
  | 'missing artifact'
  | 'artifact handed on'
  | 'many tasks'
  | 'long task'
  | 'broken configuration'
  | 'canceled'
  | 'rerun'
  | 'decision program'
  | 'cache'
  | 'cache mount';

export interface Fault {
  readonly atMs: number;
  readonly kind: FaultKind;
  /** How long something stays stopped. */
  readonly forMs: number;
  /** Which one of several, when there are several. */
  readonly choice: number;
}

export interface ChaosPush {
  readonly atMs: number;
  readonly kind: PushKind;
  readonly level: 1 | 3;
  /** Makes its content different from every other push's, in every run of this seed the same. */
  readonly salt: number;
}

const FAULT_WEIGHTS: Readonly<Record<FaultKind, number>> = {
  'kill worker': 8,
  'stop worker': 4,
  'drain worker': 3,
  'kill temporal': 2,
  'stop temporal': 2,
  'kill s3': 3,
  'stop s3': 3,
  'kill docker': 2,
  'stop docker': 1,
  'kill sidecar': 2,
  'remove container': 3,
  'prune engine': 2,
  'kill up': 1,
  'down and up': 1,
};

const PUSH_WEIGHTS: Readonly<Record<PushKind, number>> = {
  'new image': 4,
  'new child image': 4,
  'known images': 3,
  'failing task': 1,
  'failing build': 1,
  'missing artifact': 1,
  'artifact handed on': 3,
  'many tasks': 2,
  'long task': 4,
  'broken configuration': 1,
  canceled: 2,
  rerun: 2,
  'decision program': 2,
  cache: 2,
  'cache mount': 2,
};

/** Mean pauses: machines of two cores carry so much. */
const BETWEEN_FAULTS_MS = 9_000;
const BETWEEN_PUSHES_MS = 8_000;

export interface Schedule {
  readonly faults: readonly Fault[];
  readonly pushes: readonly ChaosPush[];
}

/** What is done and when, decided by the seed alone. */
export function makeSchedule(seed: number, minutes: number): Schedule {
  const random = new Random(seed);
  const endMs = minutes * 60_000;
  const pushes: ChaosPush[] = [];
  for (let atMs = 0; atMs < endMs; atMs += pause(random, BETWEEN_PUSHES_MS)) {
    const level = random.next() < 0.25 ? 3 : 1;
    pushes.push({ atMs, kind: random.weighted(PUSH_WEIGHTS), level, salt: random.between(0, 2 ** 31) });
  }
  const faults: Fault[] = [];
  for (let atMs = BETWEEN_FAULTS_MS; atMs < endMs; atMs += pause(random, BETWEEN_FAULTS_MS)) {
    const kind = random.weighted(FAULT_WEIGHTS);
    faults.push({ atMs, kind, forMs: random.between(2_000, 20_000), choice: random.between(0, 2 ** 31) });
  }
  return { faults, pushes };
}

function pause(random: Random, meanMs: number): number {
  return Math.round(meanMs * (0.3 + 1.4 * random.next()));
}

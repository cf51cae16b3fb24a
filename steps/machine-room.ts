import type { Engine, EngineInfo } from '../docker/engine.ts';
import { KIND, LABEL } from '../docker/labels.ts';
import type { DiskSpace } from '../docker/room/disk-of-engine.ts';
import { leastFreeBytes } from '../docker/room/disk-of-engine.ts';
import { MachineBusy } from '../model/errors.ts';
import { formatBytes } from '../model/format-bytes.ts';
import type { PlannedTask } from '../model/schema/plan.ts';
import { WaitingRuns } from './waiting-runs.ts';

/** What a task says it needs of its machine. */
export interface Needs {
  readonly memoryBytes?: number | undefined;
  readonly cpus?: number | undefined;
  readonly diskBytes?: number | undefined;
}

/** What a task takes of its machine at most: one with an engine of its own may take all that it names twice, in each of the two. */
export function needsOf({ resources, dind }: Pick<PlannedTask, 'resources' | 'dind'>): Needs {
  const { memoryBytes, cpus, diskBytes } = resources;
  const times = dind ? 2 : 1;
  return {
    memoryBytes: memoryBytes && memoryBytes * times,
    cpus: cpus && cpus * times,
    diskBytes,
  };
}

export interface RunOfTask {
  readonly taskId: string;
  readonly run: number;
}

export interface MachineRoomDeps {
  /** What people know the machine by. */
  readonly name: string;
  /** The installation that it is for; others that use the same engine have runs of their own by the same names. */
  readonly fleet: string;
  readonly engine: {
    readonly images: Pick<Engine['images'], 'makeRoom'>;
    readonly containers: Pick<Engine['containers'], 'list'>;
  };
  /** What the machine has. */
  readonly all: Pick<EngineInfo, 'memoryBytes' | 'cpus'>;
  /** The disk that the engine writes on; undefined where it cannot be seen. */
  readonly disk: () => Promise<DiskSpace | undefined>;
  /** How many milliseconds the machine's clock is ahead of the store's; undefined where that is not known. */
  readonly clockOffset: () => Promise<number | undefined>;
  /** Whether a run that was claimed here goes on. */
  readonly isGoingOn: (run: RunOfTask) => boolean;
  /** Default: that of this process, which only goes forward. */
  readonly nowMs?: () => number;
}

interface ClaimedRoom {
  readonly run: RunOfTask;
  readonly needs: Needs;
  /** Of the disk when it was claimed; undefined where that cannot be seen. */
  readonly freeBytes: number | undefined;
}

/** Stores take signatures of a clock that is off by less than a quarter of an hour; what a run writes down bears a third of it. */
const MOST_CLOCK_OFFSET_MS = 5 * 60_000;

/**
 * Whether a machine has free what tasks say they need. The engine is asked what its containers were given, whoever made them, so that
 * processes and levels which share it know of each other; what was claimed here and has no container yet is added.
 */
export class MachineRoom {
  readonly #deps: MachineRoomDeps;
  readonly #claimed = new Map<string, ClaimedRoom>();
  readonly #waiting: WaitingRuns;
  /** One look at a time: what it gives a run, the next one sees. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(deps: MachineRoomDeps) {
    this.#deps = deps;
    this.#waiting = new WaitingRuns(deps.nowMs);
  }

  /**
   * Sees to it that a run may be claimed: the machine's clock goes as the store's does; memory and processors that it names are free,
   * or nobody else has named any; and so is the disk, where it can be seen, after what may be removed for it is gone, also of what
   * runs that were claimed here before have named of it and not used yet. One of a priority
   * (1 goes first) that is refused keeps a place for a while: what it needs is not given to others that are no more urgent.
   * @throws {MachineBusy}
   */
  async expectFor(run: RunOfTask, needs: Needs, priority?: number): Promise<void> {
    await this.#expectClock();
    const looked = this.#last.then(async () => {
      const freeBytes = await this.#expectDisk(run, needs.diskBytes);
      if (Object.values(needs).every((needed) => needed === undefined)) return;
      await this.#expectShare(run, needs, priority).catch((error: unknown) => {
        if (priority !== undefined && error instanceof MachineBusy)
          this.#waiting.add(keyOf(run), { needs, priority });
        throw error;
      });
      // Asked once more it has used some of it since.
      const before = this.#claimed.get(keyOf(run))?.freeBytes;
      this.#claimed.set(keyOf(run), { run, needs, freeBytes: before ?? freeBytes });
      this.#waiting.begin(keyOf(run));
    });
    this.#last = looked.catch(() => undefined);
    await looked;
  }

  async #expectClock(): Promise<void> {
    const offset = (await this.#deps.clockOffset()) ?? 0;
    if (Math.abs(offset) <= MOST_CLOCK_OFFSET_MS) return;
    const minutes = Math.round(Math.abs(offset) / 60_000);
    throw new MachineBusy(
      `The clock of machine ${this.#deps.name} is ${minutes} min ${offset > 0 ? 'ahead of' : 'behind'} the store's, and it takes no run until they agree`,
    );
  }

  /** Gives how much of the disk is free. */
  async #expectDisk(run: RunOfTask, diskBytes = 0): Promise<number | undefined> {
    const disk = await this.#deps.disk();
    if (!disk) return undefined;
    const wanted = diskBytes + leastFreeBytes(disk);
    const promised = diskBytes > 0 ? this.#promisedOfDisk(run, disk.freeBytes) : 0;
    const needed = wanted + promised;
    if (disk.freeBytes >= needed) return disk.freeBytes;
    // One that no disk is large enough for costs nobody anything.
    if (needed <= disk.totalBytes) await this.#deps.engine.images.makeRoom(needed - disk.freeBytes);
    const { freeBytes } = (await this.#deps.disk()) ?? disk;
    if (freeBytes >= needed) return freeBytes;
    const what = promised > 0 ? 'of disk free beside what others have named' : 'of disk free';
    throw this.#busy(what, formatBytes(Math.max(0, freeBytes - promised)), formatBytes(wanted));
  }

  /** What others have named of the disk and not used yet, as far as one can tell: what has gone since a claim may be its use, or a later one's. */
  #promisedOfDisk(run: RunOfTask, freeBytes: number): number {
    let namedBytes = 0;
    let promised = 0;
    for (const [key, { run: other, needs, freeBytes: before }] of [...this.#claimed].reverse()) {
      if (key === keyOf(run) || !needs.diskBytes || !this.#deps.isGoingOn(other)) continue;
      namedBytes += needs.diskBytes;
      promised = Math.max(promised, namedBytes - Math.max(0, (before ?? 0) - freeBytes));
    }
    return promised;
  }

  /** A run that was claimed all the same, here or elsewhere, waits here no more. */
  forget(run: RunOfTask): void {
    this.#waiting.drop(keyOf(run));
  }

  async #expectShare(run: RunOfTask, needs: Needs, priority: number | undefined): Promise<void> {
    const { all } = this.#deps;
    const others = await this.#givenToOthers(run);
    const freeBytes = all.memoryBytes - others.memoryBytes;
    const freeCpus = all.cpus - others.cpus;
    if (others.memoryBytes > 0 && (needs.memoryBytes ?? 0) > freeBytes)
      throw this.#busy(
        'of memory free',
        formatBytes(Math.max(0, freeBytes)),
        formatBytes(needs.memoryBytes ?? 0),
      );
    if (others.cpus > 0 && (needs.cpus ?? 0) > freeCpus)
      throw this.#busy('processors free', `${Math.max(0, freeCpus)}`, `${needs.cpus}`);
    if (priority !== undefined) this.#expectTurn(run, needs, priority);
  }

  /** Who waits for longer, or is more urgent, finds what it needs once those have ended that went on before it had to wait. */
  #expectTurn(run: RunOfTask, needs: Needs, priority: number): void {
    const key = keyOf(run);
    const first = this.#waiting.before(key, priority);
    if (!first) return;
    const { all, name } = this.#deps;
    const later = [...this.#claimed].filter(([other]) => other !== key && this.#waiting.isLater(other));
    for (const what of ['memoryBytes', 'cpus'] as const) {
      const wanted = needs[what] ?? 0;
      const kept = Math.min(first.needs[what] ?? 0, all[what]);
      const taken = later.reduce((sum, [, claimed]) => sum + (claimed.needs[what] ?? 0), wanted);
      if (wanted > 0 && kept > 0 && taken + kept > all[what])
        throw new MachineBusy(
          `Machine ${name} keeps room for ${first.key}, which waits for longer or is more urgent`,
        );
    }
  }

  async #givenToOthers(run: RunOfTask): Promise<MachineRoomDeps['all']> {
    const containers = await this.#deps.engine.containers.list({ [LABEL.kind]: KIND.task });
    const given = new Map<string, Needs>();
    for (const [key, claimed] of this.#claimed) {
      if (this.#deps.isGoingOn(claimed.run)) given.set(key, claimed.needs);
      else this.#claimed.delete(key);
    }
    for (const { labels, state } of containers) {
      const { [LABEL.fleet]: fleet, [LABEL.task]: taskId = '', [LABEL.run]: number } = labels;
      const ofRun = keyOf({ taskId, run: Number(number) });
      const key = fleet === this.#deps.fleet ? ofRun : `${ofRun} of ${fleet}`;
      // One that has ended takes neither, whoever has still to fetch what it left.
      if (state === 'exited') given.delete(key);
      else
        given.set(key, {
          memoryBytes: Number(labels[LABEL.memory] ?? 0),
          cpus: Number(labels[LABEL.cpus] ?? 0),
        });
    }
    given.delete(keyOf(run));
    const sum = { memoryBytes: 0, cpus: 0 };
    for (const one of given.values()) {
      sum.memoryBytes += one.memoryBytes ?? 0;
      sum.cpus += one.cpus ?? 0;
    }
    return sum;
  }

  #busy(what: string, free: string, needed: string): MachineBusy {
    return new MachineBusy(`Machine ${this.#deps.name} has ${free} ${what}, and the task needs ${needed}`);
  }
}

/** The same text for the same run, and for no other. */
export function keyOf({ taskId, run }: RunOfTask): string {
  return `${taskId}#${run}`;
}

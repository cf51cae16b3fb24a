import { describe, expect, it } from '@jest/globals';
import { LABEL } from '../../../docker/labels.ts';
import { MachineRoom, needsOf } from '../../../steps/machine-room.ts';
import type { MachineRoomDeps, RunOfTask } from '../../../steps/machine-room.ts';

type Listed = Awaited<ReturnType<MachineRoomDeps['engine']['containers']['list']>>[number];

const GB = 1_000_000_000;
const run = (taskId: string): RunOfTask => ({ taskId, run: 0 });
const container = (taskId: string, needs: Record<string, string>, state: Listed['state'] = 'running') => ({
  name: taskId,
  state,
  labels: { [LABEL.fleet]: 'ours', [LABEL.task]: taskId, [LABEL.run]: '0', ...needs },
});

/** A machine of 4 processors with 8 GB, on whose engine are these containers. */
function machineOf(
  containers: Listed[],
  {
    disk = () => undefined,
    clockOffset = () => undefined,
    goesOn = () => true,
    nowMs = () => 0,
  }: {
    readonly disk?: () => { readonly totalBytes: number; readonly freeBytes: number } | undefined;
    readonly clockOffset?: () => number | undefined;
    readonly goesOn?: (run: RunOfTask) => boolean;
    readonly nowMs?: () => number;
  } = {},
): { room: MachineRoom; freed: number[] } {
  const freed: number[] = [];
  const room = new MachineRoom({
    name: 'ci-3',
    fleet: 'ours',
    engine: {
      images: {
        makeRoom: (bytes) => {
          freed.push(bytes ?? NaN);
          return Promise.resolve(undefined);
        },
      },
      containers: { list: () => Promise.resolve(containers) },
    },
    all: { memoryBytes: 8 * GB, cpus: 4 },
    disk: () => Promise.resolve(disk()),
    clockOffset: () => Promise.resolve(clockOffset()),
    isGoingOn: goesOn,
    nowMs,
  });
  return { room, freed };
}

describe('the room of a machine', () => {
  it('is for those who name nothing, whatever the others have', async () => {
    const { room } = machineOf([container('a', { [LABEL.memory]: `${8 * GB}`, [LABEL.cpus]: '4' })]);

    await expect(room.expectFor(run('b'), {})).resolves.toBeUndefined();
  });

  it('is what running containers were not given; one that names more than there is has the machine alone', async () => {
    const containers = [container('a', { [LABEL.memory]: `${6 * GB}` })];
    const { room } = machineOf(containers);

    await room.expectFor(run('b'), { memoryBytes: 2 * GB, cpus: 4 });
    await expect(room.expectFor(run('c'), { memoryBytes: 1 * GB })).rejects.toThrow(
      'Machine ci-3 has 0 B of memory free, and the task needs 1.0 GB',
    );
    await expect(room.expectFor(run('d'), { cpus: 0.5 })).rejects.toMatchObject({
      type: 'MachineBusy',
      message: expect.stringContaining('has 0 processors free, and the task needs 0.5'),
    });

    containers[0] = container('a', { [LABEL.memory]: `${6 * GB}` }, 'exited');
    await room.expectFor(run('e'), { memoryBytes: 6 * GB });
    await expect(machineOf([]).room.expectFor(run('f'), { memoryBytes: 80 * GB })).resolves.toBeUndefined();
  });

  it('counts a run once, while it has no container yet and afterwards, until it goes on no more', async () => {
    const containers: Listed[] = [];
    let goesOn = true;
    const { room } = machineOf(containers, { goesOn: () => goesOn });
    await room.expectFor(run('a'), { memoryBytes: 5 * GB });
    await expect(room.expectFor(run('b'), { memoryBytes: 5 * GB })).rejects.toThrow('3.0 GB of memory free');
    // Asked once more, as by a repeat of its claim.
    await room.expectFor(run('a'), { memoryBytes: 5 * GB });

    containers.push(container('a', { [LABEL.memory]: `${5 * GB}` }));
    await room.expectFor(run('c'), { memoryBytes: 3 * GB });
    containers.length = 0;
    goesOn = false;
    await room.expectFor(run('b'), { memoryBytes: 8 * GB });
  });

  it('counts what another installation has given to the same run', async () => {
    const theirs = container('a', { [LABEL.fleet]: 'theirs', [LABEL.memory]: `${5 * GB}` });
    const { room } = machineOf([theirs]);

    await expect(room.expectFor(run('a'), { memoryBytes: 5 * GB })).rejects.toThrow('3.0 GB of memory free');
    await room.expectFor(run('a'), { memoryBytes: 3 * GB });
  });

  it('gives what is left to one of several that ask in the same moment', async () => {
    const { room } = machineOf([]);

    const asked = await Promise.allSettled(
      ['a', 'b', 'c'].map((name) => room.expectFor(run(name), { memoryBytes: 5 * GB })),
    );

    expect(asked.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected']);
  });

  it('makes room on the disk before it says that there is none', async () => {
    const disk = { totalBytes: 50 * GB, freeBytes: 0.3 * GB };
    const { room, freed } = machineOf([], { disk: () => disk });

    await expect(room.expectFor(run('a'), {})).rejects.toThrow(
      'has 300 MB of disk free, and the task needs 500 MB',
    );
    expect(freed).toEqual([0.2 * GB]);
    disk.freeBytes = 2 * GB;
    await room.expectFor(run('a'), { diskBytes: 1.5 * GB });
    await expect(room.expectFor(run('a'), { diskBytes: 4 * GB })).rejects.toThrow('needs 4.5 GB');
  });

  it('keeps of the disk what those have named that were claimed before, but for what they have used of it, until they end', async () => {
    const disk = { totalBytes: 50 * GB, freeBytes: 20 * GB };
    let goesOn = true;
    const { room, freed } = machineOf([], { disk: () => disk, goesOn: () => goesOn });
    await room.expectFor(run('a'), { diskBytes: 12 * GB });

    await expect(room.expectFor(run('b'), { diskBytes: 10 * GB })).rejects.toThrow(
      'Machine ci-3 has 8.0 GB of disk free beside what others have named, and the task needs 11 GB',
    );
    await room.expectFor(run('a'), { diskBytes: 12 * GB });
    await room.expectFor(run('names-none'), {});
    disk.freeBytes = 12 * GB;
    await room.expectFor(run('c'), { diskBytes: 7 * GB });
    expect(freed).toEqual([2.5 * GB]);
    // What went before it was claimed is no use of c's.
    await expect(room.expectFor(run('d'), { diskBytes: 1 * GB })).rejects.toThrow(
      'has 1.0 GB of disk free beside',
    );
    disk.freeBytes = 15 * GB;
    goesOn = false;
    await room.expectFor(run('b'), { diskBytes: 10 * GB });
  });

  it('removes nothing for a task that the whole disk is too small for', async () => {
    const disk = { totalBytes: 50 * GB, freeBytes: 20 * GB };
    const { room, freed } = machineOf([], { disk: () => disk });

    await expect(room.expectFor(run('a'), { diskBytes: 60 * GB })).rejects.toThrow('of disk free');
    expect(freed).toEqual([]);
    await expect(room.expectFor(run('a'), { diskBytes: 40 * GB })).rejects.toThrow('of disk free');
    expect(freed).toEqual([20.5 * GB]);
  });

  it('is none while the clock of the machine is minutes off the store’s, ahead or behind', async () => {
    let offset: number | undefined = 6 * 60_000;
    const { room } = machineOf([], { clockOffset: () => offset });

    await expect(room.expectFor(run('a'), {})).rejects.toMatchObject({
      type: 'MachineBusy',
      message:
        "The clock of machine ci-3 is 6 min ahead of the store's, and it takes no run until they agree",
    });
    offset = -3_600_000;
    await expect(room.expectFor(run('a'), {})).rejects.toThrow('is 60 min behind the store');
    for (offset of [4 * 60_000, -4 * 60_000, undefined])
      await expect(room.expectFor(run('a'), {})).resolves.toBeUndefined();
  });

  it('is taken twice by a task with an engine of its own: each of the two may take what it names', () => {
    const resources = { memoryBytes: 2 * GB, cpus: 1.5, diskBytes: GB, pids: 10, shmBytes: 1 };

    expect(needsOf({ resources })).toEqual({ memoryBytes: 2 * GB, cpus: 1.5, diskBytes: GB });
    expect(needsOf({ resources, dind: true })).toEqual({ memoryBytes: 4 * GB, cpus: 3, diskBytes: GB });
    expect(needsOf({ resources: { pids: 10, shmBytes: 1 }, dind: true })).toEqual({});
  });
});

describe('the room of a machine that has refused a run', () => {
  /** A machine where runs go on until they are taken out. */
  function busyMachine(): {
    readonly goOn: Set<string>;
    readonly wait: (ms: number) => void;
    readonly claim: (taskId: string, gigabytes: number, priority?: number) => Promise<string>;
    readonly room: MachineRoom;
  } {
    const goOn = new Set<string>();
    let nowMs = 0;
    const { room } = machineOf([], { goesOn: ({ taskId }) => goOn.has(taskId), nowMs: () => nowMs });
    return {
      goOn,
      room,
      wait: (ms) => void (nowMs += ms),
      claim: async (taskId, gigabytes, priority = 5) => {
        try {
          await room.expectFor(run(taskId), { memoryBytes: gigabytes * GB }, priority);
          goOn.add(taskId);
          return 'claimed';
        } catch (error) {
          return (error as Error).message.includes('keeps room') ? 'kept for another' : 'busy';
        }
      },
    };
  }

  it('is kept for it: those who come later take no more than it leaves over, until it has begun', async () => {
    const { goOn, claim } = busyMachine();
    for (const taskId of ['a', 'b']) await claim(taskId, 3);

    expect(await claim('large', 6)).toBe('busy');
    goOn.delete('a');
    expect(await claim('small', 3)).toBe('kept for another');
    // Beside the large one there is room for this one, and not for another.
    expect(await claim('tiny', 2)).toBe('claimed');
    expect(await claim('tiny/2', 0.5)).toBe('kept for another');
    expect(await claim('large', 6)).toBe('busy');
    goOn.delete('b');
    expect(await claim('large', 6)).toBe('claimed');
    goOn.delete('tiny');
    expect(await claim('tiny/2', 0.5)).toBe('claimed');
  });

  it('goes by priority, then to who waits for longest; two that wait hold each other up no more than one does', async () => {
    const { goOn, claim } = busyMachine();
    await claim('a', 8);

    expect(await claim('large', 6, 3)).toBe('busy');
    expect(await claim('other', 6, 3)).toBe('busy');
    goOn.delete('a');
    expect(await claim('other', 6, 3)).toBe('kept for another');
    expect(await claim('urgent', 1, 2)).toBe('claimed');
    expect(await claim('large', 6, 3)).toBe('claimed');
    // It is the other one's turn now, which needs no more than what was there before leaves.
    expect(await claim('tiny', 1, 5)).toBe('claimed');
    goOn.delete('large');
    expect(await claim('other', 6, 3)).toBe('claimed');
  });

  it('is kept for one that names more than there is until it has the machine alone', async () => {
    const { goOn, claim } = busyMachine();
    await claim('a', 2);

    expect(await claim('huge', 80)).toBe('busy');
    expect(await claim('small', 1)).toBe('kept for another');
    goOn.delete('a');
    expect(await claim('huge', 80)).toBe('claimed');
  });

  it('is kept no longer for one that does not come back, or is claimed elsewhere', async () => {
    const { wait, claim, room } = busyMachine();
    await claim('a', 4);

    expect(await claim('large', 6)).toBe('busy');
    wait(15_000);
    expect(await claim('small', 3)).toBe('kept for another');
    room.forget(run('large'));
    room.forget(run('small'));
    expect(await claim('large', 6)).toBe('busy');
    wait(20_000);
    expect(await claim('small', 3)).toBe('claimed');
  });

  it('is not kept for one that the disk has no room for', async () => {
    const nowhere = { totalBytes: 100 * GB, freeBytes: 50 * GB };
    const { room } = machineOf([], { disk: () => nowhere });
    await room.expectFor(run('a'), { memoryBytes: 4 * GB }, 5);

    await expect(room.expectFor(run('b'), { memoryBytes: 6 * GB, diskBytes: 900 * GB }, 5)).rejects.toThrow(
      'of disk free',
    );
    await expect(room.expectFor(run('c'), { memoryBytes: 3 * GB }, 5)).resolves.toBeUndefined();
  });
});

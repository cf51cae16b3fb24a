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
  labels: { [LABEL.task]: taskId, [LABEL.run]: '0', ...needs },
});

/** A machine of 4 processors with 8 GB, on whose engine are these containers. */
function machineOf(
  containers: Listed[],
  {
    disk = () => undefined,
    goesOn = () => true,
  }: {
    readonly disk?: () => { readonly totalBytes: number; readonly freeBytes: number } | undefined;
    readonly goesOn?: () => boolean;
  } = {},
): { room: MachineRoom; freed: number[] } {
  const freed: number[] = [];
  const room = new MachineRoom({
    name: 'ci-3',
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
    isGoingOn: goesOn,
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

  it('removes nothing for a task that the whole disk is too small for', async () => {
    const disk = { totalBytes: 50 * GB, freeBytes: 20 * GB };
    const { room, freed } = machineOf([], { disk: () => disk });

    await expect(room.expectFor(run('a'), { diskBytes: 60 * GB })).rejects.toThrow('of disk free');
    expect(freed).toEqual([]);
    await expect(room.expectFor(run('a'), { diskBytes: 40 * GB })).rejects.toThrow('of disk free');
    expect(freed).toEqual([20.5 * GB]);
  });

  it('is taken twice by a task with an engine of its own: each of the two may take what it names', () => {
    const resources = { memoryBytes: 2 * GB, cpus: 1.5, diskBytes: GB, pids: 10, shmBytes: 1 };

    expect(needsOf({ resources })).toEqual({ memoryBytes: 2 * GB, cpus: 1.5, diskBytes: GB });
    expect(needsOf({ resources, dind: true })).toEqual({ memoryBytes: 4 * GB, cpus: 3, diskBytes: GB });
    expect(needsOf({ resources: { pids: 10, shmBytes: 1 }, dind: true })).toEqual({});
  });
});

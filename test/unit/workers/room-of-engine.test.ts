import { tmpdir } from 'node:os';
import { expect, it } from '@jest/globals';
import { pino } from 'pino';
import type { EngineInfo } from '../../../docker/engine.ts';
import type { Connections } from '../../../model/schema/connections.ts';
import type { EngineUse } from '../../../workers/room-of-engine.ts';
import { roomOfEngine } from '../../../workers/room-of-engine.ts';

const RUNNER = 'unix:///run/docker.sock';
const OTHER = 'unix:///run/other.sock';

const budgetOf = async (use: EngineUse): Promise<number> => {
  const connections = { runnerEngine: RUNNER } as Connections;
  const room = roomOfEngine({ connections, logger: pino({ level: 'silent' }) }, use);
  const { budgetBytes } = await room({ rootDirectory: tmpdir() } as EngineInfo);
  return Number(budgetBytes);
};

it('An engine in which tasks run and builds are done has one budget; one for builds alone has half as much', async () => {
  const tasks = await budgetOf({ address: RUNNER, what: 'tasks' });

  expect(await budgetOf({ address: RUNNER, what: 'builds' })).toBe(tasks);
  expect((await budgetOf({ address: OTHER, what: 'builds' })) / tasks).toBeCloseTo(0.5);
  // A sidecar, on the same disk.
  const host = { address: RUNNER, rootDirectory: tmpdir() };
  expect((await budgetOf({ address: OTHER, what: 'builds', host })) / tasks).toBeCloseTo(0.5);
});

it.each([
  ['30%', 'unknown', 1],
  [undefined, 'unknown', 1],
  ['40 GB', 40e9, 0],
  ['none', undefined, 0],
])(
  'A budget of %s of a disk that cannot be seen is %s, and the worker is warned %i times',
  async (diskBudget, budget, warnings) => {
    const told: string[] = [];
    const logger = pino({}, { write: (line: string) => void told.push(line) });
    const connections = { runnerEngine: 'tcp://machine:2375', diskBudget } as Connections;

    const room = roomOfEngine({ connections, logger }, { address: connections.runnerEngine, what: 'tasks' });
    const { budgetBytes } = await room({ rootDirectory: '/var/lib/docker' } as EngineInfo);

    expect(budgetBytes).toBe(budget);
    expect(told).toHaveLength(warnings);
    for (const line of told) {
      const { level, engine, diskBudget: given, msg } = JSON.parse(line) as Record<string, unknown>;
      expect({ level, engine, given }).toEqual({
        level: 40,
        engine: connections.runnerEngine,
        given: diskBudget,
      });
      expect(msg).toMatch(/cannot be seen from here.*Give the budget in bytes/);
    }
  },
);

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
  return (await room({ rootDirectory: tmpdir() } as EngineInfo)).budgetBytes ?? 0;
};

it('An engine in which tasks run and builds are done has one budget; one for builds alone has half as much', async () => {
  const tasks = await budgetOf({ address: RUNNER, what: 'tasks' });

  expect(await budgetOf({ address: RUNNER, what: 'builds' })).toBe(tasks);
  expect((await budgetOf({ address: OTHER, what: 'builds' })) / tasks).toBeCloseTo(0.5);
  // A sidecar, on the same disk.
  const host = { address: RUNNER, rootDirectory: tmpdir() };
  expect((await budgetOf({ address: OTHER, what: 'builds', host })) / tasks).toBeCloseTo(0.5);
});

import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import type { ScheduleDescription } from '@temporalio/client';
import { Client, Connection } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { pino } from 'pino';
import type { Installation } from '../../workers/keep-schedule.ts';
import { startSettleSchedule } from '../../workers/settle-schedule.ts';
import { startFaultProxy } from '../helpers/fault-proxy.ts';
import { createEnvironment, until } from '../helpers/workflow-world.ts';

jest.setTimeout(120_000);

let env: TestWorkflowEnvironment;
beforeAll(async () => {
  env = await createEnvironment();
});
afterAll(() => env.teardown());

const described = (id = 'settle-1'): Promise<ScheduleDescription | undefined> =>
  env.client.schedule
    .getHandle(id)
    .describe()
    .catch(() => undefined);

const ofFleet = (fleet: string): Installation => ({ fleet, store: { bucket: 'slipway' } });

it('the schedule that settles is made as soon as the server answers, and brought to what this version wants', async () => {
  await using proxy = await startFaultProxy({ port: Number(env.address.split(':')[1]) });
  const warned: string[] = [];
  const logger = pino({}, { write: (line: string) => void warned.push(line) });
  const port = 'port' in proxy.address ? proxy.address.port : 0;
  const connection = Connection.lazy({ address: `127.0.0.1:${port}` });
  const client = new Client({ connection });

  await proxy.refuse();
  const end = startSettleSchedule({ level: 1, logger, connections: ofFleet('one') }, client);
  await until(() => warned.some((line) => line.includes('it is tried again')));
  expect(await described()).toBeUndefined();
  proxy.pass();
  await until(async () => (await described()) !== undefined);
  await end();

  const handle = env.client.schedule.getHandle('settle-1');
  await handle.pause('by hand');
  await handle.update(({ action, policies, state }) => ({
    action,
    policies,
    state,
    spec: { intervals: [{ every: '1h' }] },
  }));
  const endAgain = startSettleSchedule({ level: 1, logger, connections: ofFleet('one') }, client);
  await until(async () => (await described())?.spec.intervals?.[0]?.every === 30_000);
  await endAgain();

  expect((await described())?.state).toMatchObject({ paused: true, note: 'by hand' });
  await handle.delete();
  await connection.close();
});

it('who finds the schedule of another installation is warned, and nobody who finds his own', async () => {
  const warned: string[] = [];
  const logger = pino({ level: 'warn' }, { write: (line: string) => void warned.push(line) });
  const start = (fleet: string): (() => Promise<void>) =>
    startSettleSchedule({ level: 3, logger, connections: ofFleet(fleet) }, env.client);
  const handle = env.client.schedule.getHandle('settle-3');

  const end = start('one');
  await until(async () => (await described('settle-3')) !== undefined);
  await end();
  await handle.update(({ action, policies, state }) => ({
    action,
    policies,
    state,
    spec: { intervals: [{ every: '1h' }] },
  }));
  const endAgain = start('one');
  await until(async () => (await described('settle-3'))?.spec.intervals?.[0]?.every === 30_000);
  await endAgain();
  expect(warned).toEqual([]);

  const endOther = start('two');
  await until(() => warned.length > 0);
  await endOther();

  expect(warned.join('')).toContain('another installation');
  expect(warned.join('')).toContain('fleet one, bucket slipway');
  await handle.delete();
});

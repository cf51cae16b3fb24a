import { expect, it } from '@jest/globals';
import { reasonOfFailure } from '../../../model/pure/run-ends.ts';
import type { Plan } from '../../../model/schema/plan.ts';
import { parseSlipwayYml } from '../../../plan/parse-slipway-yml.ts';
import { containerOfRun } from '../../../steps/container-of-run.ts';

const PUSH = `push/demo/3/${'a'.repeat(40)}`;
const TASK = { taskId: `${PUSH.replace('push/', 'task/')}/t`, label: 't', pushId: PUSH };

function made(fields: string, more: Partial<Plan> = {}): ReturnType<typeof containerOfRun> {
  const { config } = parseSlipwayYml(`version: 1\ntasks: { t: { image: debian${fields} } }\n`);
  const planned = { ...config!.tasks['t']!, why: 'a test' };
  const plan = { project: 'demo', level: 3, revision: 'a', ref: 'refs/heads/main', ...more } as Plan;
  return containerOfRun({ task: TASK, run: 0 }, { name: 'n', fleet: 'f', plan, planned });
}

it('a task is told that it is CI, unless it says otherwise, and who, where and of which push it is, whatever it says', () => {
  expect(made(', env: { SLIPWAY_REF: x }').env).toEqual({
    CI: 'true',
    TASK_ID: TASK.taskId,
    RUN_ID: '0',
    SLIPWAY_LABEL: 't',
    SLIPWAY_PROJECT: 'demo',
    SLIPWAY_LEVEL: '3',
    SLIPWAY_REVISION: 'a',
    SLIPWAY_REF: 'refs/heads/main',
    SLIPWAY_PUSH: PUSH,
    SLIPWAY_BASE: '',
  });
  expect(made(', env: { CI: "" }').env['CI']).toBe('');
});

it('a task is told what its push was compared with, as far as that is known', () => {
  const baseOf = (compared: Plan['compared']): string | undefined =>
    made('', { compared }).env['SLIPWAY_BASE'];

  expect(baseOf({ revision: 'b', what: "the ref's former revision" })).toBe('b');
  expect(baseOf({})).toBe('');
});

it('the container of a run has the user, the device and the rights that its task asks for, and else none', () => {
  expect(made(', user: 1000, capabilities: { devices: { kvm: true } }')).toMatchObject({
    user: '1000',
    devices: ['/dev/kvm'],
    disableSeccomp: false,
    workingDirectory: '/src',
  });
  const plain = made('');
  expect([plain.user, plain.devices]).toEqual([undefined, undefined]);
});

it('a run whose machine lacks its device ends as resource-unavailable', () => {
  expect(reasonOfFailure('DeviceUnavailable', { phase: 'run', isFinal: true })).toBe('resource-unavailable');
});

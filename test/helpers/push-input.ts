import { pushId as idOf } from '../../model/pure/ids.ts';
import type { PushInput } from '../../model/pure/payloads.ts';
import type { Plan } from '../../model/schema/plan.ts';
import { parseSlipwayYml } from '../../plan/parse-slipway-yml.ts';

/** What starts a push of a local repository, with what a test is about. */
export function aPushInput(over: Partial<PushInput> = {}): PushInput {
  return {
    project: 'demo',
    level: 1,
    repository: 'file:///srv/demo.git',
    ref: 'refs/heads/main',
    revision: 'a'.repeat(40),
    request: {},
    pushedBy: 'somebody',
    received: '2026-01-01T00:00:00.000Z',
    ...over,
  };
}

/** The plan of such a push, of all tasks of a file. */
export function aPlanOf(push: PushInput, { plannedAt, file }: { plannedAt: string; file: string }): Plan {
  const { config } = parseSlipwayYml(file);
  if (!config) throw new Error('The file is wrong');
  return {
    ...push,
    version: 1,
    pushId: idOf(push),
    plannedAt,
    domain: 'demo',
    warnings: [],
    images: [],
    tasks: Object.values(config.tasks).map(({ when: _when, ...task }) => ({ ...task, why: '' })),
    skipped: [],
  };
}

import { expect, it } from '@jest/globals';
import { pushDocumentSchema } from '../../../model/schema/records.ts';
import { parseSlipwayYml } from '../../../plan/parse-slipway-yml.ts';
import { composeDocument } from '../../../steps/push-document.ts';

it('The document of a push says what each task is for', () => {
  const pushId = `push/demo/1/${'1'.repeat(40)}`;
  const { config } = parseSlipwayYml(
    'version: 1\ntasks: { a: { image: debian, description: Compile }, b: { image: debian } }\n',
  );
  const common = { version: 1, pushId, project: 'demo', domain: 'demo', level: 1, repository: '/r' } as const;
  const received = '2026-01-10T00:00:00.000Z';
  const at = { revision: '1'.repeat(40), request: {} };

  const document = composeDocument({
    record: { ...common, ...at, refs: ['refs/heads/main'], pushedBy: 'anne', received },
    plan: {
      ...common,
      ...at,
      plannedAt: received,
      ref: 'refs/heads/main',
      warnings: [],
      images: [],
      tasks: Object.values(config?.tasks ?? {}).map((task) => ({ ...task, why: 'all' })),
      skipped: [],
    },
    findings: [],
    outcomes: [],
    taskRecords: new Map(),
  });

  const { tasks } = pushDocumentSchema.parse(document);
  expect(tasks.map(({ label, description }) => [label, description])).toEqual([
    ['a', 'Compile'],
    ['b', undefined],
  ]);
});

import { describe, expect, it } from '@jest/globals';
import { parse, parseDocument } from 'yaml';
import { grantsOf, NO_GRANTS, serverConfigSchema } from '../../../model/schema/config.ts';
import { checkGrants, withdrawnGrants } from '../../../plan/check-grants.ts';
import type { GrantContext } from '../../../plan/check-grants.ts';
import { parseSlipwayYml } from '../../../plan/parse-slipway-yml.ts';
import { FIRST_SERVER_CONFIG } from '../../../stack/server-config.ts';

const TEXT = `version: 1
tasks:
  deploy:
    image: debian
    secrets: [KEY, TOKEN]
  test: { image: debian }
`;

function check(grants: GrantContext['grants'], wanted = ['deploy', 'test']): readonly string[] {
  const parsed = parseSlipwayYml(TEXT);
  const tasks = wanted.map((label) => parsed.config!.tasks[label]!);
  const found = checkGrants(tasks, parsed, { project: 'demo', level: 3, grants, file: 'slipway.yml' });
  return found.map(({ line, column, message }) => `${line}:${column} ${message}`);
}

describe('checkGrants', () => {
  it('finds each secret of a wanted task that is not granted, where it stands', () => {
    expect(check({ ...NO_GRANTS, secrets: ['KEY'] })).toEqual([
      '5:5 task "deploy": secret "TOKEN" is not granted to project "demo" at level 3',
    ]);
    expect(check(NO_GRANTS)).toHaveLength(2);
  });

  it('finds each right that is not granted, in the task or in defaults', () => {
    const parsed = parseSlipwayYml(`version: 1
defaults: { features: { dind: true } }
tasks:
  a:
    image: b
    features: { allowPtrace: true, dind: true }
    capabilities: { disableSeccomp: true, devices: { kvm: true } }
  two: { image: b }
  off: { image: b, features: { dind: false } }
`);
    const look = (capabilities: readonly string[]): readonly string[] =>
      checkGrants(Object.values(parsed.config!.tasks), parsed, {
        ...{ project: 'demo', level: 1, file: 'slipway.yml' },
        grants: { ...NO_GRANTS, capabilities },
      }).map(({ line, column, message }) => `${line}:${column} ${message}`);

    expect(look([])).toEqual([
      '6:17 task "a": "allowPtrace" is not granted to project "demo" at level 1',
      '7:21 task "a": "disableSeccomp" is not granted to project "demo" at level 1',
      '7:43 task "a": "kvm" is not granted to project "demo" at level 1',
      '6:36 task "a": "dind" is not granted to project "demo" at level 1',
      '2:25 task "two": "dind" is not granted to project "demo" at level 1',
    ]);
    expect(look(['disableSeccomp', 'allowPtrace', 'dind', 'kvm'])).toEqual([]);
  });

  it('finds nothing in a task that is not wanted, in what is granted, and where no configuration is known', () => {
    expect(check(NO_GRANTS, ['test'])).toEqual([]);
    expect(check({ ...NO_GRANTS, secrets: ['TOKEN', 'KEY'] })).toEqual([]);
    expect(check(undefined)).toEqual([]);
  });
});

describe('withdrawnGrants', () => {
  it('tells of each task that was planned what it asks for and is not granted, and how it would be', () => {
    const { tasks } = parseSlipwayYml(TEXT).config!;
    const owner = { project: 'demo', level: 3, grants: { ...NO_GRANTS, secrets: ['KEY'] } } as const;

    expect([...withdrawnGrants(Object.values(tasks), owner)]).toEqual([
      [
        'deploy',
        'task "deploy": secret "TOKEN" is not granted to project "demo" at level 3; "secrets: {3: [TOKEN]}" under projects.demo in slipway.config.yml grants it',
      ],
    ]);
    expect(withdrawnGrants(Object.values(tasks), { ...owner, grants: undefined }).size).toBe(0);
  });
});

describe('the hint of what is not granted', () => {
  const ASKING = parseSlipwayYml(`version: 1
tasks:
  a: { image: b, secrets: [TOKEN], features: { dind: true } }
`);
  const FIRST = FIRST_SERVER_CONFIG;
  /** As the first `up` proposes it. */
  const NAMING = FIRST.replace('projects: {}', 'projects:').replaceAll(/^#(?= {2})/gm, ' ');

  /** What a configuration says after what the hint has in its first quotes was put where the hint says. */
  function follow(hint: string, text: string): unknown {
    const [, given = '', project] = /"(.+?)"(?: under projects\.([^ ]+)| in slipway|;)/.exec(hint) ?? [];
    const document = parseDocument(text);
    const at = project === undefined ? [] : ['projects', project];
    for (const [key, value] of Object.entries(parse(`{ ${given} }`) as object))
      document.setIn([...at, key], document.createNode(value));
    return parseDocument(document.toString()).toJS();
  }

  it.each([
    ['a project that is named', undefined, NAMING, 3],
    ['a local project', 'file:///srv/my%20tool', FIRST, 1],
    ['one elsewhere that no configuration names', 'https://git.example/demo.git', FIRST, 1],
  ] as const)('is right for %s', (_, unnamed, text, level) => {
    const found = checkGrants(Object.values(ASKING.config!.tasks), ASKING, {
      ...{ project: 'demo', level, grants: NO_GRANTS, unnamed, file: 'slipway.yml' },
    });
    expect(found).toHaveLength(2);

    const [secret, capability] = found.map(({ hint = '' }) => {
      const config = serverConfigSchema.parse(follow(hint, text));
      const repositories = config.projects['demo']?.sources.map(({ repository }) => repository);
      if (unnamed !== undefined && repositories) expect(repositories).toEqual([unnamed]);
      return grantsOf(config, { project: 'demo', level });
    });

    expect(secret?.secrets).toEqual(['TOKEN']);
    expect(capability?.capabilities).toEqual(['dind']);
  });
});

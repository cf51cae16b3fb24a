import { describe, expect, it } from '@jest/globals';
import { grantsDind, grantsOf, serverConfigSchema } from '../../../model/schema/config.ts';
import { parseSlipwayYml } from '../../../plan/parse-slipway-yml.ts';

describe('private engines', () => {
  const project = { sources: [] };

  it('are granted to nobody who is not named', () => {
    const config = serverConfigSchema.parse({
      version: 1,
      projects: { demo: { ...project, capabilities: { 3: ['dind'] } }, plain: project },
    });
    expect(grantsOf(config, { project: 'demo', level: 3 }).capabilities).toEqual(['dind']);
    expect(grantsOf(config, { project: 'demo', level: 1 }).capabilities).toEqual([]);
    expect(grantsOf(config, { project: 'plain', level: 3 }).capabilities).toEqual([]);
    expect(grantsOf(config, { project: 'local', level: 1 }).capabilities).toEqual([]);
    expect([1, 2, 3].filter((level) => grantsDind(config, level as 1 | 2 | 3))).toEqual([3]);
  });

  it('are granted to local projects by name of those', () => {
    const config = serverConfigSchema.parse({
      version: 1,
      localProjects: { capabilities: ['dind'] },
      projects: { plain: project },
    });
    expect(grantsOf(config, { project: 'local', level: 1 }).capabilities).toEqual(['dind']);
    expect(grantsOf(config, { project: 'plain', level: 1 }).capabilities).toEqual([]);
    expect(grantsDind(config, 1)).toBe(true);
    expect(grantsDind(config, 3)).toBe(false);
  });

  it('are had or not: anything but true and false is a mistake', () => {
    expect(
      parseSlipwayYml('version: 1\ntasks: {a: {image: b, features: {dind: yes please}}}').findings,
    ).toEqual([expect.objectContaining({ message: 'feature "dind" is neither true nor false', line: 2 })]);
  });
});

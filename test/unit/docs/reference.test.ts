import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { projectSchema, serverConfigSchema } from '../../../model/schema/config.ts';
import { imageDefinitionSchema, taskSchema } from '../../../model/schema/task.ts';
import { WORKER_VARIABLES } from '../../../model/pure/worker-variables.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const ROOMS = '{activities,client,docker,images,model,plan,source,stack,steps,store,workers,workflows}';

function page(name: string): string {
  return readFileSync(join(ROOT, 'docs', name), 'utf8');
}

describe('docs/slipway-yml.md', () => {
  it('has a word for every field of images and tasks', () => {
    const text = page('slipway-yml.md');
    const fields = [...Object.keys(imageDefinitionSchema.shape), ...Object.keys(taskSchema.shape)];

    expect(fields.filter((field) => !text.includes(`### \`${field}\`\n`) && !isWithoutEffect(field))).toEqual(
      [],
    );
  });

  it('names every variable that a worker gives a task', () => {
    const text = page('slipway-yml.md');

    expect(WORKER_VARIABLES.filter((name) => !text.includes(`| \`${name}\` |`))).toEqual([]);
  });

  function isWithoutEffect(field: string): boolean {
    return (page('slipway-yml.md').split('### Accepted without effect')[1] ?? '').includes(`\`${field}\``);
  }
});

describe('docs/configuration.md', () => {
  it('has a word for every field of slipway.config.yml', () => {
    const text = page('configuration.md');
    const fields = [...Object.keys(serverConfigSchema.shape), ...Object.keys(projectSchema.shape)];

    expect(
      fields.filter((field) => field !== 'version' && !new RegExp(`\`${field}[\`:]`).test(text)),
    ).toEqual([]);
  });

  it('names every variable that the program reads', () => {
    const text = page('configuration.md');
    const read = globSync(`${ROOMS}/**/*.ts`, { cwd: ROOT }).flatMap((path) => [
      ...readFileSync(join(ROOT, path), 'utf8').matchAll(/(?<!`)\benv(?:\.|\[')([A-Z][A-Z0-9_]+)/g),
    ]);
    const names = [...new Set(read.map(([, name = '']) => name))].filter(
      (name) => !name.startsWith('GIT_PUSH'),
    );

    expect(names.filter((name) => !new RegExp(`\`${name}[\`=]`).test(text))).toEqual([]);
    expect(names.length).toBeGreaterThan(40);
  });
});

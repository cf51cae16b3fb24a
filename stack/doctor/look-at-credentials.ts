import type { Diagnosis } from '../../model/schema/diagnosis.ts';
import { namedCredentials } from '../../docker/registry/credentials-file.ts';
import { readDockerConfig } from '../../docker/registry/read-docker-config.ts';
import { findProgram } from '../find-program.ts';
import { Ailment, diagnosed } from './diagnosed.ts';

/** Whether workers could use the file of registries' credentials that the environment names; nothing where it names none. */
export async function lookAtCredentials(env: NodeJS.ProcessEnv): Promise<readonly Diagnosis[]> {
  const file = namedCredentials(env);
  if (!file) return [];
  const where = file.path;
  const todo = `Mend ${where}, or unset SLIPWAY_DOCKER_CONFIG`;
  const diagnosis = await diagnosed('credentials', todo, async () => {
    const { auths = {}, credsStore, credHelpers = {} } = await readDockerConfig(file);
    const helpers = [...new Set([credsStore, ...Object.values(credHelpers)])].flatMap((name) =>
      name ? [`docker-credential-${name}`] : [],
    );
    for (const program of helpers)
      if (!(await findProgram(program, env)))
        throw new Ailment(`names ${program}, which is not there`, `Install ${program}, or mend ${where}`, {
          where,
        });
    const registries = new Set([...Object.keys(auths), ...Object.keys(credHelpers)]);
    const asked = helpers.length > 0 ? `; ${helpers.join(', ')} can be asked` : '';
    return { where, message: `names registries: ${[...registries].join(', ') || 'none'}${asked}` };
  });
  return [diagnosis];
}

import { chmod, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it, jest } from '@jest/globals';
import { diagnosesSchema } from '../../model/schema/diagnosis.ts';
import { pushDocumentSchema } from '../../model/schema/records.ts';
import { letIn, OtherUser } from '../helpers/other-user.ts';
import { startSecondEngine } from '../helpers/second-engine.ts';
import { commitSmallProject } from '../helpers/small-project.ts';

jest.setTimeout(600_000);

describe('without root', () => {
  it('a push is carried out on an engine that is not on this machine’s network, by tars and without sidecars', async () => {
    // With a bridge of its own there, which harms nobody here: a build wants one.
    await using engine = await startSecondEngine({ ownNetwork: true, arguments: ['--bridge='] });
    await using user = await OtherUser.create({ withCache: true });
    await letIn(engine, user);
    const env = { DOCKER_HOST: `unix://${engine.socketPath}`, SLIPWAY_HOME: join(user.home, 'stäte here') };
    const repository = join(user.home, 'the repository');
    await commitSmallProject(repository);
    await user.own(repository);
    try {
      const up = await user.slipway(['up', '--detach'], { env });
      expect(`${up.exitCode} ${up.stderr}`).toMatch(/^0 /);
      expect(up.stderr).toContain('images move as tars, and it builds itself, without sidecars');
      expect(up.stdout).toMatch(new RegExp(`builds +unix://${engine.socketPath}`));

      const pushed = await user.slipway(['push', '--watch', '--json'], { cwd: repository, env });
      const document = pushDocumentSchema.parse(JSON.parse(pushed.stdout));
      expect(document).toMatchObject({ state: 'completed', images: [{ name: 'tools', outcome: 'built' }] });
      const log = await user.slipway(['logs', 'see'], { cwd: repository, env });
      expect(log.stdout).toContain('made');

      const doctor = await user.slipway(['doctor', '--json'], { env });
      const diagnoses = diagnosesSchema.parse(JSON.parse(doctor.stdout));
      expect(diagnoses.filter(({ ok }) => !ok)).toEqual([]);
      expect(diagnoses.find(({ part }) => part === 'image transport')?.message).toContain('by tar');
    } finally {
      expect(await user.slipway(['down', '--purge'], { env })).toMatchObject({ exitCode: 0 });
    }
    await expect(stat(env.SLIPWAY_HOME)).rejects.toThrow('ENOENT');
    expect(await engine.docker.listContainers({ all: true })).toEqual([]);
  });

  it('up says in one sentence what is missing where there is no engine, and where the user may not use it', async () => {
    await using user = await OtherUser.create({ withCache: true });
    const env = { SLIPWAY_HOME: join(user.home, 'state'), XDG_RUNTIME_DIR: join(user.home, 'run') };

    const none = await user.slipway(['up'], { env });

    expect(none.exitCode).toBe(3);
    expect(none.stderr).toContain(
      'No Docker Engine can be used: none is there, and a private one cannot be started (only root can do that). Start Docker (or install it), or set SLIPWAY_DOCKER_HOST to an engine that runs',
    );

    await using engine = await startSecondEngine();
    await chmod(dirname(engine.socketPath), 0o711);
    const refused = await user.slipway(['up'], {
      env: { ...env, DOCKER_HOST: `unix://${engine.socketPath}` },
    });

    expect(refused.exitCode).toBe(3);
    expect(refused.stderr).toContain('(DOCKER_HOST) cannot be used');
    expect(refused.stderr).toContain('EACCES');

    const doctor = await user.slipway(['doctor'], { env });
    expect(doctor.exitCode).toBe(3);
    expect(doctor.stdout).toContain(
      'none is there, and a private one cannot be started: only root can do that',
    );
  });
});

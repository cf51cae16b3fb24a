import { chmod, chown, mkdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it, jest } from '@jest/globals';
import { diagnosesSchema } from '../../../model/schema/diagnosis.ts';
import { pushDocumentSchema } from '../../../model/schema/records.ts';
import { OtherUser } from '../../helpers/other-user.ts';
import { startSecondEngine } from '../../helpers/second-engine.ts';
import type { SecondEngine } from '../../helpers/second-engine.ts';

jest.setTimeout(600_000);

const SLIPWAY_YML = `
version: 1
images: { tools: { context: docker/tools } }
tasks:
  see: { image: { in-tree: tools }, command: cat /made, artifacts: { public/made: { type: file, path: /made } } }
  plain: { image: 'debian:bookworm', command: id -u }
`;

/** A repository with an in-tree image on top of the base. */
async function commitRepository(user: OtherUser, path: string): Promise<void> {
  await mkdir(join(path, 'docker', 'tools'), { recursive: true });
  await writeFile(join(path, 'slipway.yml'), SLIPWAY_YML);
  await writeFile(join(path, 'docker/tools/Dockerfile'), 'FROM debian:bookworm\nRUN echo made > /made\n');
  await user.own(path);
  const git = ['git', '-c', 'user.name=Somebody', '-c', 'user.email=somebody@example.invalid'] as const;
  for (const args of [
    ['init', '--quiet', '--initial-branch', 'main'],
    ['add', '--all'],
    ['commit', '--quiet', '-m', 'A'],
  ])
    expect(await user.run([...git, ...args], { cwd: path })).toMatchObject({ exitCode: 0 });
}

/** As the group `docker` has it. */
async function letIn(engine: SecondEngine, user: OtherUser): Promise<void> {
  await chmod(dirname(engine.socketPath), 0o711);
  await chown(engine.socketPath, 0, user.id);
  await chmod(engine.socketPath, 0o660);
}

async function pushAndLookAround(
  engine: SecondEngine,
  expected: { readonly way: string; readonly builder: RegExp },
): Promise<void> {
  await using user = await OtherUser.create({ withCache: true });
  await letIn(engine, user);
  const env = { DOCKER_HOST: `unix://${engine.socketPath}`, SLIPWAY_HOME: join(user.home, 'stäte here') };
  const repository = join(user.home, 'the repository');
  await commitRepository(user, repository);
  try {
    const up = await user.slipway(['up', '--detach'], { env });
    expect(`${up.exitCode} ${up.stderr}`).toMatch(/^0 /);
    expect(up.stderr).not.toMatch(/downloading|building the (Temporal|S3)|apt-get/);
    expect(up.stdout).toMatch(expected.builder);

    const pushed = await user.slipway(['push', '--watch', '--json'], { cwd: repository, env });
    const document = pushDocumentSchema.parse(JSON.parse(pushed.stdout));
    expect(document).toMatchObject({ state: 'completed', images: [{ name: 'tools', outcome: 'built' }] });
    expect(await user.slipway(['logs', 'see'], { cwd: repository, env })).toMatchObject({
      stdout: expect.stringContaining('made'),
    });

    const doctor = await user.slipway(['doctor', '--json'], { env });
    const diagnoses = diagnosesSchema.parse(JSON.parse(doctor.stdout));
    expect(diagnoses.filter(({ ok }) => !ok)).toEqual([]);
    expect(diagnoses.find(({ part }) => part === 'image transport')).toMatchObject({
      message: expect.stringContaining(expected.way),
    });
  } finally {
    const down = await user.slipway(['down', '--purge'], { env });
    expect(down).toMatchObject({ exitCode: 0 });
  }
  await expect(stat(join(user.home, 'stäte here'))).rejects.toThrow('ENOENT');
  // Of others' engine only images remain: what `up` brought, and what Docker shall find again.
  expect(await engine.docker.listContainers({ all: true })).toEqual([]);
  expect(
    (await engine.docker.listNetworks({ filters: { type: ['custom'] } })).map(({ Name }) => Name),
  ).toEqual([]);
}

describe('without root', () => {
  it('a push is carried out on an engine that the user may use, and builds in a sidecar of it', async () => {
    await using engine = await startSecondEngine();

    await pushAndLookAround(engine, { way: 'only what is missing moves', builder: /builds +a sidecar/ });
  });

  it('a push is carried out on an engine that is not on this machine’s network, by tars and without sidecars', async () => {
    // With a bridge of its own there, which harms nobody here: a build wants one.
    await using engine = await startSecondEngine({ ownNetwork: true, arguments: ['--bridge='] });

    await pushAndLookAround(engine, {
      way: 'tar',
      builder: new RegExp(`builds +unix://${engine.socketPath}`),
    });
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
    await mkdir(join(user.home, 'config', 'contexts', 'meta'), { recursive: true });
    const refused = await user.slipway(['up'], {
      env: { ...env, DOCKER_HOST: `unix://${engine.socketPath}` },
    });

    expect(refused.exitCode).toBe(3);
    expect(refused.stderr).toContain('(DOCKER_HOST) cannot be used');
    expect(refused.stderr).toContain('EACCES');
  });
});

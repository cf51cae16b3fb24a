import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, jest } from '@jest/globals';
import { filesWith } from '../helpers/files-with.ts';
import { docker, statesOf, until } from '../helpers/live-stack.ts';
import { requireEnv } from '../helpers/require-env.ts';
import { runningProcesses } from '../helpers/running-processes.ts';
import { World } from '../helpers/world.ts';

jest.setTimeout(900_000);

const random = (): string => randomBytes(18).toString('base64url');
const task = (command: string, fields: object = {}): object => ({
  image: 'debian:bookworm',
  checkout: false,
  command,
  ...fields,
});

describe('secrets', () => {
  it('reach only the task that was granted them, also over a killed worker; what it prints of them is masked, and they are nowhere else', async () => {
    await using world = await World.open();
    const [key, token] = [random(), random()];
    const pem = `-----BEGIN-----\n${random()}\n${random()}\n-----END-----\n`;
    const directory = join(world.home, 'secrets');
    await mkdir(directory, { mode: 0o700 });
    await writeFile(join(directory, 'PEM'), pem, { mode: 0o600 });
    await writeFile(join(directory, 'SHORT'), 'short\n', { mode: 0o600 });
    const env = { SLIPWAY_SECRET_KEY: key, SLIPWAY_SECRET_TOKEN: token, SLIPWAY_SECRETS_DIR: directory };
    const names = ['KEY', 'PEM', 'SHORT', 'NOWHERE', 'TOKEN'];
    const repository = await world.createRepository(
      { main: 3, '*': 1 },
      { secrets: { 3: names, 1: ['TOKEN'] } },
    );
    await world.startWorker(3, ['control']);
    const first = await world.startWorker(3, ['runner'], { env, arguments: ['--capacity', '8'] });
    // Byte by byte, so that the engine gives them in pieces.
    const slowly = `sed 's/./&\\n/g' /run/secrets/KEY | while read -r c; do printf %s "$c"; sleep 0.02; done; echo`;
    const slipway = {
      version: 1,
      tasks: {
        prints: task(
          [
            'stat -c "%a %u" /run/secrets/KEY /run/secrets; ls /run/secrets; test "$KEY" = "$(cat /run/secrets/KEY)" && echo same',
            'echo "key=$KEY."; cat /run/secrets/PEM; sed -n 2p /run/secrets/PEM; base64 /run/secrets/PEM; printf "x:%s" "$KEY" | base64',
            slowly,
          ].join('; '),
          { secrets: { KEY: { env: true }, PEM: {} } },
        ),
        killed: task(`echo begun; sleep 12; ${slowly}; cat /run/secrets/TOKEN`, {
          secrets: ['KEY', 'TOKEN'],
        }),
        none: task('env; ls /run/secrets'),
        short: task('true', { secrets: ['SHORT'] }),
        nowhere: task('true', { secrets: ['NOWHERE'] }),
      },
    };
    const revision = await repository.commit({ 'slipway.yml': slipway });

    const pushId = await world.start(repository, revision);
    const log = (label: string): Promise<string> =>
      world.log(`${pushId.replace('push/', 'task/')}/${label}`).catch(() => '');
    await until(async () => (await log('killed')).includes('\nbegun\n'), 240_000).catch(async () => {
      throw new Error(JSON.stringify(await world.live.api.read(pushId)));
    });
    // The others end while one looks.
    const killed = (await world.containers()).filter((name) => name.endsWith('-killed'));
    const inspected = await docker('inspect', ...killed);
    first.kill('SIGKILL');
    const second = await world.startWorker(3, ['runner'], { env, arguments: ['--capacity', '8'] });
    const document = await world.verdict(pushId);

    expect(statesOf(document)).toEqual({
      prints: 'completed/completed',
      killed: 'completed/completed',
      none: 'failed/failed',
      short: 'exception/resource-unavailable',
      nowhere: 'exception/resource-unavailable',
    });
    const printed = (await log('prints')).split('\n').filter((line) => !line.startsWith('[slipway'));
    expect(printed.slice(0, 7)).toEqual(['400 0', '755 0', 'KEY', 'PEM', 'same', 'key=***.', '***']);
    expect(printed.at(-2)).toBe('***');
    expect(await log('killed')).toMatch(/Going on with the container[^]*\n\*\*\*\n\*\*\*/);
    expect(await log('short')).toContain(
      'Secret SHORT cannot be given to the task: it has fewer than 8 bytes',
    );
    expect(await log('nowhere')).toContain(
      'Secret NOWHERE cannot be given to the task: this worker has none',
    );
    expect(await log('none')).not.toContain('SLIPWAY_SECRET');
    // Only of a task that wants a file is nothing told to whoever may look at the engine.
    expect(inspected).not.toContain(token);

    // Granted at another level only: a finding, and nothing of the push runs.
    const other = { version: 1, tasks: { a: task('true', { secrets: ['TOKEN', 'OTHER'] }) } };
    const refused = await world.push(repository, await repository.commit({ 'slipway.yml': other }));
    expect(refused).toMatchObject({ state: 'exception', reason: 'malformed-plan' });
    expect(refused.findings.map(({ message }) => message)).toEqual([
      `task "a": secret "OTHER" is not granted to project "${repository.project}" at level 3`,
    ]);
    await second.stop();

    const suite = requireEnv('SLIPWAY_HOME', 'a running stack');
    const values = [key, token, ...pem.split('\n').slice(1, 3)];
    const spell = (value: string): readonly string[] => [
      value,
      Buffer.from(value).toString('base64').slice(0, 20),
      Buffer.from(value).toString('hex'),
    ];
    const places = [
      join(suite, 'logs'),
      join(suite, 'temporal'),
      join(suite, 'store', world.connections.store.bucket),
      join(world.home, 'logs'),
    ];
    const scratch = join(world.home, 'values.txt');
    expect(await filesWith(values.flatMap(spell), places, scratch)).toEqual([]);
    // A variable is a part of the container's configuration, which the engine writes down; a file leaves nothing.
    const onlyFiles = values.filter((value) => value !== key).flatMap(spell);
    expect(await filesWith(onlyFiles, [join(suite, 'engine')], scratch)).toEqual([]);
    const processes = await runningProcesses();
    expect(values.filter((value) => processes.includes(value))).toEqual([]);
    expect(await world.containers()).toEqual([]);
  });
});

import { describe, expect, it, jest } from '@jest/globals';
import { statesOf } from '../helpers/live-stack.ts';
import { MAKE_IMAGE_SCRIPT } from '../helpers/make-image-script.ts';
import { World } from '../helpers/world.ts';

jest.setTimeout(900_000);

const PATH = 'public/image.tar.gz';
const make = {
  image: 'debian:bookworm',
  command: MAKE_IMAGE_SCRIPT,
  env: { SAYS: 'made by a task' },
  checkout: false,
  routes: ['tools.latest'],
  artifacts: {
    [PATH]: { type: 'file', path: '/image.tar.gz' },
    'public/cut.tar': { type: 'file', path: '/cut.tar' },
  },
};
/** Two images in one tarball, as `docker save` of two writes it. */
const several = {
  ...make,
  command: `${MAKE_IMAGE_SCRIPT}
sed 's|"PATH=/bin"|"PATH=/bin","WHICH=lint"|' config.json > lint.json
printf '[{"Config":"config.json","RepoTags":["tools:1"],"Layers":["layer.tar"]},{"Config":"lint.json","RepoTags":["lint:1"],"Layers":["layer.tar"]}]' > manifest.json
tar --create --file /several.tar config.json lint.json layer.tar manifest.json
`,
  routes: ['several.latest'],
  artifacts: { 'public/several.tar': { type: 'file', path: '/several.tar' } },
};
const isMade = { command: 'cat /made; test "$(cat /made)" = "made by a task"', checkout: false };
const ofMake = (path: string): object => ({
  dependencies: ['make'],
  image: { type: 'task-image', taskId: { 'task-reference': 'make' }, path },
});

describe('an image that a task made', () => {
  it('runs tasks of its push, and by id and route those of later ones, imported once; a broken one is said to be so, and a lower level gives none to a higher', async () => {
    await using world = await World.open();
    const repository = await world.createRepository({ main: 3, '*': 1 });
    await Promise.all([world.startWorker(1), world.startWorker(3)]);
    const revision = await repository.commit({
      'slipway.yml': {
        version: 1,
        tasks: {
          make,
          several,
          use: { ...isMade, ...ofMake(PATH) },
          again: { ...isMade, ...ofMake(PATH) },
          broken: { ...isMade, ...ofMake('public/cut.tar') },
        },
      },
    });
    const release = await world.push(repository, revision);

    expect(statesOf(release)).toEqual({
      make: 'completed/completed',
      several: 'completed/completed',
      use: 'completed/completed',
      again: 'completed/completed',
      broken: 'exception/resource-unavailable',
    });
    const taskOf = (label: string): (typeof release.tasks)[number] =>
      release.tasks.find((task) => task.label === label)!;
    expect(taskOf('broken').runs).toHaveLength(1);
    expect(taskOf('broken').runs[0]?.detail).toMatch(
      /cut\.tar of task\/.* cannot be used: The image tar cannot be read: Unexpected end of data/,
    );
    expect(await world.log(taskOf('make').taskId)).toMatch(
      /Image public\/image\.tar\.gz imported, \d{7,} bytes stored/,
    );
    const records = await Promise.all(
      ['use', 'again'].map((label) => world.live.api.task(taskOf(label).taskId)),
    );
    const [digest, ...others] = records.map(({ runs }) => runs.at(-1)?.manifestDigest);
    expect(digest).toMatch(/^sha256:/);
    expect(others).toEqual([digest]);
    for (const label of ['use', 'again'])
      expect(await world.log(taskOf(label).taskId)).not.toContain('Imported');
    // What was cut left nothing behind but what it is said of it.
    const imported = (await world.objects()).filter((key) => key.includes('/tarballs/'));
    expect(imported).toHaveLength(3);
    const log = await world.log(taskOf('several').taskId);
    expect(log).toMatch(/2 images of public\/several\.tar imported, \d{7,} bytes stored \(tools:1; lint:1\)/);

    // A later push finds it by id, and a lower level by its route, though it may not read the tarball.
    const byId = { ...isMade, image: { type: 'task-image', taskId: taskOf('make').taskId, path: PATH } };
    const byRoute = { ...isMade, image: { type: 'indexed-image', namespace: 'tools.latest', path: PATH } };
    const later = await world.push(
      repository,
      await repository.commit({ 'slipway.yml': { version: 1, tasks: { byId, byRoute } } }),
    );
    expect(statesOf(later)).toEqual({ byId: 'completed/completed', byRoute: 'completed/completed' });
    await repository.git('checkout', '--quiet', '-b', 'try');
    const ofSeveral = { type: 'indexed-image', namespace: 'several.latest', path: 'public/several.tar' };
    const byName = { ...isMade, command: 'test "$WHICH" = lint', image: { ...ofSeveral, name: 'lint:1' } };
    const noName = { ...isMade, image: { ...ofSeveral, name: 'none:1' } };
    const tried = await world.push(
      repository,
      await repository.commit({ 'slipway.yml': { version: 1, tasks: { byRoute, byName, noName } } }),
      { ref: 'refs/heads/try' },
    );
    expect(tried.level).toBe(1);
    expect(statesOf(tried)).toEqual({
      byRoute: 'completed/completed',
      byName: 'completed/completed',
      noName: 'exception/resource-unavailable',
    });
    const unshared = tried.tasks.find(({ label }) => label === 'noName')?.runs;
    expect(unshared).toHaveLength(1);
    expect(unshared?.[0]?.detail).toMatch(
      /it is of level 3, which has not shared an image named none:1 of it$/,
    );
    const tasks = [...later.tasks, ...tried.tasks.filter(({ label }) => label === 'byRoute')].map(
      ({ taskId }) => world.live.api.task(taskId),
    );
    for (const { runs } of await Promise.all(tasks)) expect(runs.at(-1)?.manifestDigest).toBe(digest);
    expect((await world.objects()).filter((key) => key.includes('/tarballs/'))).toEqual(imported);

    // What may not be read, or is not there, is found before anything runs, each with its place.
    const refused = await world.push(
      repository,
      await repository.commit({
        'slipway.yml': `version: 1
tasks:
  a: { image: { type: indexed-image, namespace: tools.none, path: ${PATH} }, command: 'true' }
  b: { image: { type: indexed-image, namespace: tools.latest, path: public/none.tar }, command: 'true' }
  c: { image: { type: task-image, taskId: ${taskOf('make').taskId}, path: ${PATH} }, command: 'true' }
`,
      }),
      { ref: 'refs/heads/try' },
    );
    expect(refused).toMatchObject({ state: 'exception', reason: 'malformed-plan' });
    expect(refused.findings.map(({ line, message }) => [line, message.slice(0, 30)])).toEqual([
      [3, 'no task that this push may rea'],
      [4, `task ${taskOf('make').taskId}`.slice(0, 30)],
      [5, 'no task that this push may rea'],
    ]);

    // What a lower level made is no higher one's, whatever is routed there.
    const own = { ...make, env: { SAYS: 'made at level 1' }, routes: ['tools.try'] };
    const lower = await world.push(
      repository,
      await repository.commit({ 'slipway.yml': { version: 1, tasks: { make: own } } }),
      { ref: 'refs/heads/try' },
    );
    expect(statesOf(lower)).toEqual({ make: 'completed/completed' });
    expect((await world.objects('level-1/index/')).map((key) => key.split('/')[3])).toEqual([
      'routes',
      'tarballs',
    ]);
    const taken = [
      { type: 'indexed-image', namespace: 'tools.try', path: PATH },
      { type: 'task-image', taskId: lower.tasks[0]!.taskId, path: PATH },
    ];
    const [a, b] = taken.map((image) => ({ ...isMade, image }));
    const higher = await repository.commit({ 'slipway.yml': { version: 1, tasks: { a, b } } });
    await repository.git('checkout', '--quiet', '-B', 'main');
    const refusedThere = await world.push(repository, higher);
    expect(refusedThere).toMatchObject({ level: 3, reason: 'malformed-plan' });
    expect(refusedThere.findings).toHaveLength(2);
    expect(await world.unfinishedUploads()).toEqual([]);
  });
});

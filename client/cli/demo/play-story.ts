import { join } from 'node:path';
import type { Connections } from '../../../model/schema/connections.ts';
import type { PushDocument } from '../../../model/schema/records.ts';
import type { SlipwayApi } from '../../api.ts';
import { lastLinesOf } from '../last-lines.ts';
import { count, formatBytes, formatDuration } from '../render/quantities.ts';
import type { DemoRepositories } from './demo-repositories.ts';
import { appendLine, commit, git, makeDemoRepositories } from './demo-repositories.ts';
import type { Narrator } from './narrator.ts';
import { observePush } from './observe-push.ts';
import { tryTarball } from './try-tarball.ts';

/** The line of the article that this is all about. */
const EDIT = 'RUN apt-get update && apt-get install -y wget';
const ALL_TASKS = ['compile', 'lint', 'report', 'unit'];

export interface Story {
  readonly api: SlipwayApi;
  readonly connections: Connections;
  readonly repositories: DemoRepositories;
  readonly narrator: Narrator;
  readonly signal: AbortSignal;
}

/** The pushes of the story, for whoever wants to look at them afterwards. */
export type PlayedPushes = readonly PushDocument[];

/** Plays the article's story on real parts and checks everything that it says. @throws {ClaimFailed} */
export async function playStory(story: Story): Promise<PlayedPushes> {
  await prepare(story);
  const first = await pushEverything(story);
  const edited = await editImage(story);
  const unrelated = await changeSomethingElse(story);
  await takeTarball(story, edited);
  return [first, edited, unrelated];
}

async function prepare({ narrator, repositories, connections }: Story): Promise<void> {
  narrator.chapter('A repository whose CI images lie in its own tree');
  const { work, origin, tryOut } = repositories;
  const { stateDirectory } = connections;
  await makeDemoRepositories(repositories, { stateDirectory, mark: new Date().toISOString() });
  narrator.say(`${work} has two images, docker/base and docker/lint (on top of base),`);
  narrator.say(
    'and a slipway.yml with four tasks: compile needs base, lint and report need lint (report takes',
  );
  narrator.say("lint's artifact as its input), unit runs in plain debian:bookworm.");
  narrator.say(`It pushes to ${origin}, whose main has level 3,`);
  narrator.say(`and to ${tryOut}, where everything has level 1. Both have the hook:`);
  narrator.command('slipway hook install demo.git; slipway hook install demo-try.git');
}

async function pushEverything(story: Story): Promise<PushDocument> {
  const { narrator, api } = story;
  narrator.chapter('The first push: both images are built, all tasks run');
  const document = await push(story, ['origin', 'main']);
  narrator.claim('the push completed, at level 3', document.state === 'completed' && document.level === 3, {
    state: document.state,
    level: document.level,
  });
  const outcomes = imageOutcomes(document);
  narrator.claim('base and lint were built', outcomes.join() === 'base built,lint built', outcomes);
  const labels = completedTasks(document);
  narrator.claim(`${labels.join(', ')} completed`, labels.join() === ALL_TASKS.join(), labels);
  const log = await logOf(story, document, 'report');
  narrator.claim(
    'report read what lint had left, in an image that has no wget',
    log.includes('scripts checked') && log.includes('wget is not in this image'),
    log,
  );
  const link = api.uiLink(document.id);
  if (link) narrator.say(`Seen by Temporal: ${link}`);
  return document;
}

async function editImage(story: Story): Promise<PushDocument> {
  const { narrator, repositories } = story;
  narrator.chapter('One line more in one Dockerfile, tried out');
  narrator.command(`echo '${EDIT}' >> docker/lint/Dockerfile`);
  await appendLine(join(repositories.work, 'docker/lint/Dockerfile'), EDIT);
  narrator.command("git commit --all --message 'Try wget'");
  await commit(repositories.work, 'Try wget');
  narrator.say('report is the task that shall find it; git push names it:');
  const document = await push(story, ['-o', 'tasks=report', 'try', 'main']);
  narrator.claim('the push completed, at level 1', document.state === 'completed' && document.level === 1, {
    state: document.state,
    level: document.level,
  });
  const outcomes = imageOutcomes(document);
  narrator.claim(
    'only lint was built; base is the one of level 3',
    outcomes.join() === 'base reused,lint built',
    outcomes,
  );
  const labels = completedTasks(document);
  narrator.claim('only report ran, and lint, which it depends on', labels.join() === 'lint,report', labels);
  const log = await logOf(story, document, 'report');
  const found = /wget is here: (.*)/.exec(log)?.[1];
  narrator.claim(`report found it in its image: ${found ?? ''}`, found?.startsWith('GNU Wget') === true, log);
  const bytes = document.images.reduce((sum, { bytesUploaded }) => sum + bytesUploaded, 0);
  narrator.say(
    `No tag was bumped, nothing was pushed to a registry; ${formatBytes(bytes)} went into the store.`,
  );
  return document;
}

async function changeSomethingElse(story: Story): Promise<PushDocument> {
  const { narrator, repositories } = story;
  narrator.chapter('A change that no image depends on');
  narrator.command("echo 'Any change.' >> README.md; git commit --all --message 'Say more'");
  await appendLine(join(repositories.work, 'README.md'), '\nAny change.');
  await commit(repositories.work, 'Say more');
  const document = await push(story, ['try', 'main']);
  narrator.claim('the push completed', document.state === 'completed', document.reason);
  const outcomes = imageOutcomes(document);
  const decided = formatDuration(document.decisionMs ?? Number.NaN);
  narrator.claim(
    `nothing was built: both images were known, which was decided in ${decided}`,
    outcomes.join() === 'base reused,lint reused' && document.decisionMs !== undefined,
    outcomes,
  );
  const labels = completedTasks(document);
  narrator.claim(`all ${count(labels.length, 'task')} completed`, labels.join() === ALL_TASKS.join(), labels);
  return document;
}

async function takeTarball(story: Story, { id, images }: PushDocument): Promise<void> {
  const { narrator, api, connections, signal } = story;
  narrator.chapter('The image is an artifact: a tarball that docker load takes');
  const lint = images.find(({ name }) => name === 'lint');
  narrator.command(`slipway download image:lint public/image.tar --push ${id} -o - | docker load`);
  const tried = await tryTarball(api, connections, {
    taskId: lint?.taskId ?? '',
    command: ['wget', '--version'],
    signal,
  });
  narrator.claim(
    `${formatBytes(tried.sizeBytes)} loaded into ${connections.runnerEngine} as ${tried.name.slice(0, 40)}…`,
    !tried.wasThere && tried.isThere,
    tried,
  );
  const version = tried.output.split('\n')[0] ?? '';
  narrator.claim(
    `and run there by hand: ${version}`,
    tried.exitCode === 0 && version.startsWith('GNU Wget'),
    tried,
  );
}

/** Pushes with git, as anybody would, and tells what comes of it. */
async function push(story: Story, args: readonly string[]): Promise<PushDocument> {
  const { api, narrator, repositories, signal } = story;
  narrator.command(`git push ${args.join(' ')}`);
  const { stderr } = await git(repositories.work, ['push', ...args]);
  narrator.output(stderr);
  const revision = (await git(repositories.work, ['rev-parse', 'HEAD'])).stdout.trim();
  return observePush(api, revision, { narrator, signal });
}

function imageOutcomes({ images }: PushDocument): string[] {
  return images.map(({ name, outcome }) => `${name} ${outcome}`).sort();
}

function completedTasks({ tasks }: PushDocument): string[] {
  return tasks
    .filter(({ state }) => state === 'completed')
    .map(({ label }) => label)
    .sort();
}

async function logOf({ api, signal }: Story, { tasks }: PushDocument, label: string): Promise<string> {
  const task = tasks.find((each) => each.label === label);
  if (!task) return '';
  const read = (tailBytes: number): AsyncIterable<Buffer> =>
    api.log(task.taskId, { follow: false, tailBytes, signal });
  return (await lastLinesOf(read, 200)).join('\n');
}

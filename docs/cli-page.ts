import { createCommandLine } from '../client/cli/command-line.ts';

const WIDTH = 120;

/** The verbs in the help of what they belong to, each as `  slipway push [repo]  What it does`. */
const COMMANDS = /^Commands:\n(?: {2}.*\n)*/m;
const COMMAND = /^ {2}slipway (\S.*?) {2,}\S/gm;

/** Options that every verb has; the page says them once. */
const COMMON = /^ +(?:-\w, )?--(?:quiet|help|version) .*\n/gm;

/** What is true of several verbs, or longer than a help should be. */
const IN_MORE_WORDS = `## In more words

**Images.** Where a verb takes an image, that is one by its name (in a checkout: as it is defined there now), a task (the image that it ran in, or built), a push (all of its
images; \`--image\` chooses), an image hash or its beginning, or a digest; \`image load\` takes tarballs too, of any tool, plain, gzip or zstd, and \`-\`. This machine's engine is the one
that \`SLIPWAY_DOCKER_HOST\` or \`DOCKER_HOST\` names, else the stack's, else the one that docker would take. What \`image build\` and \`image load\` print on stdout is the image's name
there: \`docker run --rm -it $(slipway image build lint)\`.

**A push from a clone.** Where the configuration names a remote of the checkout and not the checkout itself, \`plan\` and \`push\` are of that remote's project, and the workers read the revision there.
The remote is asked whether its branch has it: \`git push\` comes first, and \`slipway push\` says so. \`--project\` with the name of the directory makes the clone a project of its own, at
level 1, where [\`localProjects\`](configuration.md#localprojects) lets it be one and the workers can read its path.

**A task here.** \`slipway run\` carries the task of the checked-out revision out in this machine's engine by the steps of the workers: the image by the hash that \`plan\` shows (from the
store where one answers, else built here), checkout, environment, limits, \`maxRunTime\`, retries, artifacts. It needs no server and changes nothing in one. The log is on stdout; artifacts
lie in \`~/.cache/slipway/runs\` for four weeks, and it says where. Inputs come from a push of the same revision, else from an earlier run here; secrets from \`SLIPWAY_SECRETS_DIR\` or
\`SLIPWAY_SECRET_<NAME>\` of this machine; caches are this machine's own; private registries get [your docker login](configuration.md#private-registries). Ctrl-C removes the container, and so does a reader of its log that goes (\`| head\`).
\`--shell\` gives a shell in it instead of the command, with the shell's exit code.

**Another processor than CI's.** \`run\` and \`image build\` make images of the tree for the platform of this machine's engine. Where pushes are known to make them for another one, they say so: these are
other images, with other hashes than \`plan\` shows. \`--platform linux/amd64\` takes or builds those of a CI on such machines, where the engine can run them, as Docker Desktop can.

**A task that runs, or has failed.** \`slipway shell\` joins a task that runs in an engine that can be reached from here, and says how to reach it otherwise. After \`slipway push --hold\`, or
with \`features: { interactive: onFailure }\`, a task that failed is kept for 30 minutes and joined in the same way: with the files that its command left, without its caches, secrets and
processes ([adr 19](adr/0019-kept-containers.md)). Tasks with a private engine, or with a secret as a variable, are not kept.
`;

/** The text of docs/cli.md: the help of every verb, in the order of `slipway --help`. */
export async function cliPage(): Promise<string> {
  const whole = await helpOf([]);
  return [
    '# Command line',
    '',
    'Made from the help of the verbs by `npm run docs`; a test keeps both in step. The program is `bin/slipway` of a checkout of this repository.',
    '',
    'A push is named by its id, its revision or the beginning of it (of an id from project and level on: `demo/3/1a2b`); a task by its id, or by its label in a push, which `cancel` looks for first; the build of an image by',
    '`image:NAME`. Where no push is named, the newest one of the revision that is checked out around the working directory is meant, else the newest one of that checkout, itself or by one of its remotes. Where there is no checkout, or one that the configuration does not name and that was never pushed, it is the newest of all. One that is not of what is checked out is named on stderr, with who pushed it. Times are by the clock of this machine, and say so. Every verb has `--help`, and `--quiet` (`-q`) for the answer without words aside. `--json` prints one document on stdout.',
    '',
    whole.slice(whole.lastIndexOf('\n\n') + 2),
    '',
    ...(await sections([])),
    IN_MORE_WORDS,
  ].join('\n');
}

/** A section for each verb, also for those of a group such as `image`. */
async function sections(group: readonly string[]): Promise<string[]> {
  const lines: string[] = [];
  const [listed = ''] = COMMANDS.exec(await helpOf(group, null)) ?? [];
  for (const [, command = ''] of listed.matchAll(COMMAND)) {
    const verb = command.split(' ').filter((word) => /^\w/.test(word));
    // yargs has it, and prints its script whenever it is named.
    if (verb[0] === 'completion') continue;
    const own = await sections(verb);
    lines.push(
      ...(own.length > 0 ? own : [`## slipway ${verb.join(' ')}`, '', '```', await shown(verb), '```', '']),
    );
  }
  return lines;
}

async function shown(verb: readonly string[]): Promise<string> {
  const help = (await helpOf(verb)).replaceAll(COMMON, '');
  // Of the verb that has no others.
  return help.replace(/^Options:\n+(?=Examples:)/m, '');
}

/** @param width null: no line is broken. */
function helpOf(verb: readonly string[], width: number | null = WIDTH): Promise<string> {
  return createCommandLine(verb, () => Promise.resolve())
    .wrap(width)
    .getHelp();
}

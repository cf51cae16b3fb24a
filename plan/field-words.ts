import type { YamlPath } from './yaml-positions.ts';

/** Where a field stands, as far as its neighbours' words differ. */
export type WordPlace = 'file' | 'image' | 'task' | 'artifact' | 'resources' | 'when' | 'taskImage' | 'other';

const DEPENDENCIES = 'write "dependencies", a list of labels';
const COMMAND = 'write "command": a list of arguments, or one text that sh runs';
const ENTRYPOINT =
  'leave it out: an image keeps its ENTRYPOINT; an image of the tree may drop it by "FROM" that one and "ENTRYPOINT []"';
const MAX_RUN_TIME = 'write "maxRunTime": seconds, or words such as "30 minutes"';
const ENV = 'write "env", a map of names to texts';
const CONTEXT = 'write "context": the directory that holds the Dockerfile';
const WHEN = 'write "when: {changed: [GLOB], refs: [BRANCH], levels: [1, 3]}"';
const MATRIX =
  'there is no matrix syntax; write the tasks out, with anchors, or print them from a "decision" program';
const STAGE = 'there are no stages; name in "dependencies" the tasks that this one waits for';
const SERVICES =
  'there are no services: start it in the command, or as a container with "features: {dind: true}"';
const TASKS = 'write "tasks", a map of labels to tasks';
const WORKER = 'leave it out: a worker is chosen by the level of the push';
const RETRIES = 'write "retries": how often to run again after trouble with the machine';
const EXPIRES = 'write "expires": seconds, or words such as "30 days"';

/** Words of other CI systems, in lower case and without "-" and "_", and what to write here. */
const WORDS: Readonly<Record<WordPlace, Readonly<Record<string, string>>>> = {
  file: {
    ...same(TASKS, 'jobs', 'task', 'job', 'pipeline', 'pipelines', 'steps', 'workflows', 'build', 'test'),
    ...same('write "images", a map of names to image definitions', 'dockerimages', 'image', 'containers'),
    ...same(SERVICES, 'services', 'service', 'sidecars'),
    ...same('write "defaults: {env: …}"', 'env', 'variables', 'environment'),
    ...same('write "defaults"', 'default', 'common', 'taskdefaults'),
    ...same(STAGE, 'stages', 'stage'),
    ...same('write "when" in a task', 'on', 'triggers', 'trigger', 'when', 'rules'),
    ...same(MATRIX, 'matrix', 'strategy', 'axes'),
    ...same(
      'there are no includes; print the tasks from a "decision" program',
      'include',
      'includes',
      'extends',
    ),
  },
  image: {
    ...same(
      CONTEXT,
      'dockerfile',
      'path',
      'dir',
      'directory',
      'folder',
      'build',
      'source',
      'definition',
      'file',
    ),
    ...same('write "args"', 'buildargs', 'arguments', 'buildarguments', 'env', 'variables'),
    ...same(
      'write "parent": the name of another image',
      'from',
      'extends',
      'baseimage',
      'parents',
      'dependencies',
    ),
    ...same(
      'leave it out: an image is found by its content, never by a tag',
      'tag',
      'tags',
      'version',
      'registry',
      'push',
      'name',
    ),
    ...same('leave it out: every image has its own Dockerfile', 'target', 'stage'),
    ...same('write ENTRYPOINT in its Dockerfile', 'entrypoint'),
  },
  task: {
    ...same(DEPENDENCIES, 'needs', 'dependson', 'depends', 'dependency', 'after', 'waitfor', 'requirements'),
    ...same(
      COMMAND,
      'script',
      'scripts',
      'run',
      'cmd',
      'commands',
      'steps',
      'args',
      'exec',
      'beforescript',
      'afterscript',
    ),
    ...same(ENTRYPOINT, 'entrypoint'),
    ...same(MAX_RUN_TIME, 'timeout', 'timeoutminutes', 'timeoutinminutes', 'timelimit', 'executiontimeout'),
    ...same(ENV, 'variables', 'environment', 'envs', 'vars'),
    ...same(
      WHEN,
      'only',
      'rules',
      'if',
      'except',
      'on',
      'branches',
      'changes',
      'paths',
      'refs',
      'changed',
      'levels',
      'optimization',
    ),
    ...same(STAGE, 'stage', 'stages'),
    ...same(MATRIX, 'matrix', 'strategy', 'parallel', 'parallelism'),
    ...same('write "image"', 'container', 'docker', 'dockerimage', 'uses'),
    ...same(SERVICES, 'services', 'service', 'sidecars'),
    ...same(
      WORKER,
      'runson',
      'runner',
      'worker',
      'workertype',
      'agent',
      'agents',
      'tags',
      'pool',
      'provisionerid',
    ),
    ...same(RETRIES, 'retry', 'attempts', 'maxretries'),
    ...same(
      'write "artifacts: {NAME: {type: file, path: /PATH}}"',
      'artifact',
      'output',
      'outputs',
      'archive',
      'uploads',
    ),
    ...same(
      'write "inputs: {/PATH: {task: LABEL, artifact: NAME}}"',
      'input',
      'fetches',
      'downloads',
      'mounts',
      'volumes',
    ),
    ...same(
      'write "resources: {memory: 2g, cpus: 2}"',
      'memory',
      'mem',
      'cpus',
      'cpu',
      'shm',
      'shmsize',
      'limits',
    ),
    ...same(
      'write "checkout": where the tree is put and the command starts',
      'workdir',
      'workingdir',
      'workingdirectory',
      'cwd',
    ),
    ...same(
      'write "requires: all-resolved" in the tasks that may run all the same; the push still ends as failed',
      'allowfailure',
      'continueonerror',
    ),
    ...same('the key is the label; write "description" for people', 'name', 'title', 'label'),
    ...same('leave it out: nothing shows it yet; what "description" says is shown', 'treeherder', 'platform'),
    ...same('write the fields of the payload in the task itself', 'payload'),
    ...same('write "cache"', 'caches'),
    ...same('write "user"', 'runas', 'runasuser', 'uid', 'username'),
    ...same('write "expires" in the artifacts', 'expires', 'expiresafter'),
  },
  artifact: {
    ...same(EXPIRES, 'expirein', 'expiration', 'retentiondays', 'expiry', 'expire'),
    ...same('the key is the name', 'name'),
    ...same(
      'write "path"; one artifact has one path, a directory holds many files',
      'paths',
      'file',
      'directory',
      'glob',
    ),
    ...same('write "optional: true"', 'required', 'ifnofilesfound', 'allowmissing'),
  },
  resources: {
    ...same('write "cpus"', 'cpu', 'cores', 'vcpus'),
    ...same('write "memory", for example 2g', 'mem', 'ram', 'memorylimit'),
    ...same('write "shm"', 'shmsize', 'sharedmemory'),
    ...same('write "pids"', 'pidslimit', 'processes'),
  },
  when: {
    ...same('write "refs"', 'branch', 'branches', 'ref', 'tag', 'tags'),
    ...same(
      'write "changed", a list of globs',
      'paths',
      'path',
      'files',
      'changes',
      'change',
      'fileschanged',
    ),
    ...same('write "changed" with a glob that begins with "!"', 'pathsignore', 'exclude'),
    ...same('write "refs" with a pattern that begins with "!"', 'branchesignore', 'tagsignore', 'except'),
    ...same('write "levels"', 'level', 'trust'),
  },
  taskImage: {
    ...same('write "{in-tree: NAME}"', 'intree', 'image', 'build'),
    ...same('leave it out: "in-tree" says it', 'type'),
    ...same(ENTRYPOINT, 'entrypoint'),
    ...same(
      'write "{type: task-image, taskId: {task-reference: LABEL}, path: public/image.tar}"',
      'task',
      'taskreference',
    ),
    ...same('write "{type: docker-image, name: NAME}"', 'dockerimage', 'tag'),
  },
  other: {},
};

/** What to write instead of a word that another CI has for it, or undefined when no other is known to have it. */
export function neighbourHint(place: WordPlace, word: string): string | undefined {
  const plain = word.toLowerCase().replace(/[-_]/g, '');
  return Object.hasOwn(WORDS[place], plain) ? WORDS[place][plain] : undefined;
}

/** Which words apply to the fields of the map at a path. */
export function wordPlace(path: YamlPath): WordPlace {
  if (path.length === 0) return 'file';
  if (path[0] === 'images') return path.length === 2 ? 'image' : 'other';
  const inside = path[0] === 'tasks' ? path.slice(2) : path[0] === 'defaults' ? path.slice(1) : undefined;
  if (!inside) return 'other';
  if (inside.length === 0) return 'task';
  if (inside.length === 2 && inside[0] === 'artifacts') return 'artifact';
  if (inside.length > 1) return 'other';
  if (inside[0] === 'resources' || inside[0] === 'when') return inside[0];
  return inside[0] === 'image' ? 'taskImage' : 'other';
}

function same(hint: string, ...words: readonly string[]): Record<string, string> {
  return Object.fromEntries(words.map((word) => [word, hint]));
}

import { Nearest } from '../model/nearest.ts';
import type { FindingList } from './finding-list.ts';
import { entriesOf, isRecord, valueAt } from './values.ts';
import type { YamlPath } from './yaml-positions.ts';

/** A field of the schema that is refused, or has no effect, until the work behind it is done: then its line goes away. */
interface NotYet {
  readonly of: 'file' | 'image' | 'task';
  /** Fields below it; `*` stands for every member. */
  readonly path: readonly string[];
  /** Values that ask for what is not there; default: every value that is not empty. */
  readonly values?: readonly unknown[];
  /** Members that `*` does not stand for. */
  readonly except?: readonly string[];
  readonly severity?: 'warning';
  /** Said where it stands first, since every task may have it; a translated graph has a note of its own. */
  readonly once?: true;
  readonly message: string;
  readonly hint?: string;
  /** Names of which one may have been meant. */
  readonly known?: readonly string[];
}

const FEATURES = ['allowPtrace', 'dind', 'interactive'];
const NO_EFFECT_FEATURES = ['artifacts', 'localLiveLog', 'bulkLog'];

const NOT_YET: readonly NotYet[] = [
  {
    of: 'task',
    path: ['features', '*'],
    except: [...FEATURES, 'runAsRoot', ...NO_EFFECT_FEATURES],
    message: 'this feature is not carried out yet',
    known: FEATURES,
  },
  {
    of: 'task',
    path: ['features', 'runAsRoot'],
    message: 'feature "runAsRoot" is not carried out: a field of the task says whom it runs as',
    hint: 'write "user: root"',
  },
  ...NO_EFFECT_FEATURES.map((name): NotYet => ({
    of: 'task',
    path: ['features', name],
    values: [true, false],
    severity: 'warning',
    message: `feature "${name}" has no effect: the log and artifacts are always kept`,
  })),
  {
    of: 'task',
    path: ['features', 'interactive'],
    values: [true],
    severity: 'warning',
    message: 'feature "interactive" has no effect: every task that runs can be joined by slipway shell',
    hint: 'write "onFailure" to keep it once it has failed, and join it then',
  },
  {
    of: 'task',
    path: ['capabilities', 'privileged'],
    message: 'a privileged container is not carried out: it is root on its machine',
    hint: 'for containers of its own a task has "features: {dind: true}", for debuggers "features: {allowPtrace: true}"',
  },
  {
    of: 'task',
    path: ['capabilities', 'devices', 'hostSharedMemory'],
    message: 'the shared memory of the machine is not given to tasks',
    hint: 'write "resources: {shm: 4g}" for as much of its own',
  },
  ...['loopbackVideo', 'loopbackAudio'].map((device): NotYet => ({
    of: 'task',
    path: ['capabilities', 'devices', device],
    message: `device "${device}" is not given to tasks`,
  })),
  {
    of: 'task',
    path: ['log'],
    severity: 'warning',
    message: '"log" has no effect: the log is always public/logs/live.log',
  },
  ...(['task', 'image'] as const).map((of): NotYet => shownNowhere(of, 'symbol')),
  shownNowhere('task', 'group'),
];

/** Refuses what this version cannot carry out, rather than leaving it out in silence. */
export function checkNotYet(
  root: unknown,
  list: FindingList,
  isTranslated: (path: YamlPath) => boolean = () => false,
): void {
  const owners: Record<NotYet['of'], readonly YamlPath[]> = {
    file: [[]],
    image: entriesOf(valueAt(root, ['images'])).map(([name]) => ['images', name]),
    task: [['defaults'], ...entriesOf(valueAt(root, ['tasks'])).map(([label]) => ['tasks', label])],
  };
  for (const rule of NOT_YET) {
    const found = owners[rule.of].flatMap((owner) => {
      const base = valueAt(root, owner);
      return expand(base, rule)
        .filter((path) => asksFor(valueAt(base, path), rule))
        .map((path) => [...owner, ...path]);
    });
    for (const path of rule.once ? found.filter((path) => !isTranslated(path)).slice(0, 1) : found)
      list[rule.severity ?? 'error'](path, rule.message, { hint: hintFor(path, rule), at: 'key' });
  }
}

function hintFor(path: YamlPath, { hint, known = [] }: NotYet): string | undefined {
  const meant = new Nearest().find(String(path.at(-1)), new Set(known));
  return meant === undefined ? hint : `did you mean "${meant}"?`;
}

function shownNowhere(of: NotYet['of'], field: string): NotYet {
  return {
    of,
    path: [field],
    severity: 'warning',
    once: true,
    message: `"${field}" has no effect yet: there are no pages that show it`,
  };
}

function expand(base: unknown, { path, except = [] }: NotYet): YamlPath[] {
  const star = path.indexOf('*');
  if (star === -1) return [path];
  const before = path.slice(0, star);
  return entriesOf(valueAt(base, before))
    .filter(([name]) => !except.includes(name))
    .map(([name]) => [...before, name, ...path.slice(star + 1)]);
}

/** Nothing, an empty collection and a feature that is switched off ask for nothing. */
function asksFor(value: unknown, { values }: NotYet): boolean {
  if (values) return values.includes(value);
  if (value === undefined || value === null || value === false) return false;
  if (Array.isArray(value)) return value.length > 0;
  return !isRecord(value) || Object.keys(value).length > 0;
}

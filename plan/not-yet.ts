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
  readonly message: string;
  readonly hint?: string;
}

const NO_EFFECT_FEATURES = ['artifacts', 'localLiveLog', 'bulkLog'];

const NOT_YET: readonly NotYet[] = [
  {
    of: 'file',
    path: ['decision'],
    message: '"decision" is not carried out yet',
    hint: 'write the tasks out',
  },
  {
    of: 'task',
    path: ['artifacts', '*', 'type'],
    values: ['volume'],
    message: 'artifacts of type "volume" are not carried out yet',
    hint: 'use file or directory',
  },
  {
    of: 'task',
    path: ['features', '*'],
    except: NO_EFFECT_FEATURES,
    message: 'this feature is not carried out yet',
  },
  ...NO_EFFECT_FEATURES.map((name): NotYet => ({
    of: 'task',
    path: ['features', name],
    values: [true, false],
    severity: 'warning',
    message: `feature "${name}" has no effect: the log and artifacts are always kept`,
  })),
  { of: 'task', path: ['cache'], message: '"cache" is not carried out yet' },
  { of: 'task', path: ['capabilities'], message: '"capabilities" are not carried out yet' },
  { of: 'task', path: ['secrets'], message: '"secrets" are not carried out yet' },
  {
    of: 'task',
    path: ['onExitStatus', 'purgeCaches'],
    message: '"purgeCaches" is not carried out yet, as there are no caches',
  },
  {
    of: 'task',
    path: ['log'],
    severity: 'warning',
    message: '"log" has no effect: the log is always public/logs/live.log',
  },
];

/** Refuses what this version cannot carry out, rather than leaving it out in silence. */
export function checkNotYet(root: unknown, list: FindingList): void {
  const owners: Record<NotYet['of'], readonly YamlPath[]> = {
    file: [[]],
    image: entriesOf(valueAt(root, ['images'])).map(([name]) => ['images', name]),
    task: [['defaults'], ...entriesOf(valueAt(root, ['tasks'])).map(([label]) => ['tasks', label])],
  };
  for (const rule of NOT_YET) {
    for (const owner of owners[rule.of]) {
      const base = valueAt(root, owner);
      for (const path of expand(base, rule)) {
        if (asksFor(valueAt(base, path), rule)) {
          list[rule.severity ?? 'error']([...owner, ...path], rule.message, { hint: rule.hint, at: 'key' });
        }
      }
    }
  }
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

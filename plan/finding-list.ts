import type { Finding } from '../model/findings.ts';
import type { YamlSource } from './read-yaml.ts';
import type { YamlPath } from './yaml-positions.ts';

export interface AddOptions {
  /** What would be right. */
  readonly hint?: string | undefined;
  /** Default `value`. */
  readonly at?: 'key' | 'value';
}

/** Collects what the checks find, by path; the same words at the same place (an anchor used twice) count once. */
export interface FindingList {
  error(path: YamlPath, message: string, options?: AddOptions): void;
  warning(path: YamlPath, message: string, options?: AddOptions): void;
  /** Whether an error stands at a path or below it. */
  hasError(path: YamlPath): boolean;
  sorted(): readonly Finding[];
}

/** Starts with what is wrong with the text as YAML. */
export function createFindingList(source: YamlSource): FindingList {
  const findings = new Map<string, Finding>();
  const wrong: YamlPath[] = [];
  source.findings.forEach(keep);
  return {
    error: (path, message, options) => add('error', path, message, options),
    warning: (path, message, options) => add('warning', path, message, options),
    hasError: (path) => wrong.some((other) => path.every((segment, index) => other[index] === segment)),
    sorted: () => [...findings.values()].sort(byPlace),
  };

  function add(
    severity: Finding['severity'],
    path: YamlPath,
    message: string,
    { hint, at }: AddOptions = {},
  ): void {
    if (severity === 'error') wrong.push(path);
    keep({
      severity,
      file: source.file,
      ...source.position(path, at),
      message,
      ...(hint === undefined ? {} : { hint }),
    });
  }

  function keep(finding: Finding): void {
    const key = `${finding.file}:${finding.line}:${finding.column}:${finding.message}`;
    if (!findings.has(key)) findings.set(key, finding);
  }
}

/** A list that takes paths of what is left of a text, and reports at those of the text itself. */
export function atPaths(list: FindingList, pathInText: (path: YamlPath) => YamlPath): FindingList {
  return {
    error: (path, message, options) => list.error(pathInText(path), message, options),
    warning: (path, message, options) => list.warning(pathInText(path), message, options),
    hasError: (path) => list.hasError(pathInText(path)),
    sorted: () => list.sorted(),
  };
}

function byPlace(a: Finding, b: Finding): number {
  if (a.file !== b.file) return a.file < b.file ? 1 : -1;
  return a.line - b.line || a.column - b.column;
}

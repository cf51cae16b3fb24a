/** One mistake (or warning) in a text of the tree, with the place where it stands. Lines and columns count from 1. */
export interface Finding {
  readonly severity: 'error' | 'warning';
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** What is wrong, as a sentence without a full stop at its end. */
  readonly message: string;
  /** What would be right. */
  readonly hint?: string | undefined;
}

/** `file:line:column: message (hint)`, as compilers print it. */
export function formatFinding(finding: Finding): string {
  const { file, line, column, severity, message, hint } = finding;
  const mark = severity === 'warning' ? 'warning: ' : '';
  return `${file}:${line}:${column}: ${mark}${message}${hint ? `; ${hint}` : ''}`;
}

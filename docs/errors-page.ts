import { ERRORS } from '../model/error-catalog.ts';
import { PUSH_REASONS, TASK_REASONS } from '../model/pure/states.ts';

/** The text of docs/errors.md, from the tables that the code acts by. */
export function errorsPage(): string {
  const reasons = Object.entries(TASK_REASONS).map(([reason, { state, after, owner, meaning }]) =>
    row(`\`${reason}\``, state, after === 'retry' ? 'new run while `retries` last' : 'none', owner, meaning),
  );
  const pushReasons = Object.entries(PUSH_REASONS).map(([reason, { state, meaning }]) =>
    row(`\`${reason}\``, state, meaning),
  );
  const errors = Object.entries(ERRORS).map(([type, { owner, retryable, meaning, next }]) =>
    row(`\`${type}\``, owner, retryable ? 'yes' : 'no', meaning, next),
  );
  return [
    '# How things end',
    '',
    'Made from the code by `npm run docs`; a test keeps both in step.',
    '',
    '## Tasks',
    '',
    "What a task's own command ends with. A command that exits with another code than 0 is a result, not an error.",
    "On an image's own task, `image-build-failed` has the state `failed`.",
    '',
    row('Reason', 'State', 'New run', 'Whose it is', 'Meaning'),
    row('---', '---', '---', '---', '---'),
    ...reasons,
    '',
    '## Pushes',
    '',
    row('Reason', 'State', 'Meaning'),
    row('---', '---', '---'),
    ...pushReasons,
    '',
    '## Errors',
    '',
    'Thrown by the rooms, carried through Temporal as the `type` of an `ApplicationFailure`. The type is stable, the text is not.',
    '',
    row('Type', 'Whose it is', 'Tried again', 'Meaning', 'What happens next'),
    row('---', '---', '---', '---', '---'),
    ...errors,
    '',
  ].join('\n');
}

function row(...cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

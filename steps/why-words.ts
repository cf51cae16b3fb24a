import { printable } from '../model/printable.ts';
import type { Explanation, FileChange, ImageChange, ParentChange } from '../model/schema/explanation.ts';

const NAMED_FILES = 3;
/** Of an argument's value: it is the tree's to choose, and a line is a line. */
const VALUE_LENGTH = 40;
const LINE_LENGTH = 500;

/** Why an image is built, or need not be, in one line: it stands in plans, records, logs and on the terminal. */
export function whyInShort(explanation: Explanation): string {
  const line = [reasonInShort(explanation), ...explanation.notes].join('; ');
  return line.length <= LINE_LENGTH ? line : `${line.slice(0, LINE_LENGTH - 1)}…`;
}

function reasonInShort({ reason, against, changes, detail }: Explanation): string {
  switch (reason) {
    case 'known':
      return `built before, at level ${against?.level ?? ''} on ${day(against?.created)}`;
    case 'new':
      return 'no image of this name was built before';
    case 'changed':
      return changesInShort(changes);
    case 'damaged':
      return `built on ${day(against?.created)}, but blobs of it are gone or damaged`;
    case 'asked':
      return 'its rebuild was asked for';
    case 'expired':
      return `built on ${day(against?.created)}, which is longer ago than rebuild-after allows`;
    case 'parent-rebuilt':
      return detail ?? reason;
    case 'not-needed':
      return detail ?? reason;
    case 'unknown':
      return [detail ?? reason, ...(changes.length > 0 ? [changesInShort(changes)] : [])].join('; ');
  }
}

/** For example `Dockerfile:3 changed, +1 −1; argument NODE_VERSION 22 → 24; parent base changed (docker/base/Dockerfile:2)`. */
export function changesInShort(changes: readonly ImageChange[]): string {
  const replaced = replacedBase(changes);
  const rest = replaced ? changes.filter(({ kind }) => kind !== 'base') : changes;
  return [...rest.map(changeInShort), ...(replaced ? [replaced] : [])].join('; ');
}

function changeInShort(change: ImageChange): string {
  switch (change.kind) {
    case 'files':
      return filesInShort(change.files, change.count, nameInContext);
    case 'context':
      return 'its context changed (which files, was not kept)';
    case 'argument':
      return argumentInShort(change);
    case 'parent':
      return parentInShort(change);
    case 'base':
      return baseInShort(change);
    case 'platform':
      return `platform ${change.before} → ${change.after}`;
    case 'recipe':
      return 'the recipe by which images are identified changed';
  }
}

function filesInShort(
  files: readonly FileChange[],
  count: number,
  nameOf: (file: FileChange) => string,
): string {
  const named = files.slice(0, NAMED_FILES).map((file) => fileInShort(file, nameOf(file)));
  const more = count - named.length;
  return [...named, ...(more > 0 ? [`and ${more} more ${more === 1 ? 'file' : 'files'}`] : [])].join('; ');
}

/** For example `rules.txt:7 changed, +2 −1`. */
export function fileInShort(file: FileChange, name = printable(file.path)): string {
  const { what, line, added = 0, removed = 0, binary, before, after } = file;
  switch (what) {
    case 'added':
    case 'removed':
      return `${name} ${what}`;
    case 'mode':
      return `${name} is ${after?.executable ? 'executable now' : 'not executable any more'}`;
    case 'link':
      return `${name} leads to ${printable(after?.path ?? '')} now`;
    case 'changed': {
      const mode =
        before?.executable === after?.executable ? '' : `, ${after?.executable ? '' : 'not '}executable now`;
      if (binary && before?.sizeBytes !== undefined && after?.sizeBytes !== undefined)
        return `${name} changed, ${before.sizeBytes} → ${after.sizeBytes} bytes${mode}`;
      if (line === undefined) return `${name} changed${mode}`;
      const counts = [...(added > 0 ? [`+${added}`] : []), ...(removed > 0 ? [`−${removed}`] : [])];
      return `${name}:${line} changed, ${counts.join(' ')}${mode}`;
    }
  }
}

function nameInContext({ inContext, path }: FileChange): string {
  return printable(inContext ?? path);
}

function argumentInShort({ name, before, after }: Extract<ImageChange, { kind: 'argument' }>): string {
  if (before === undefined) return `argument ${name} is new: ${value(after)}`;
  if (after === undefined) return `argument ${name} is gone`;
  return `argument ${name} ${value(before)} → ${value(after)}`;
}

function parentInShort({ before, after, changes }: ParentChange): string {
  if (!after) return `parent ${before?.name ?? ''} is gone`.replace('  ', ' ');
  if (!before) return `parent ${after.name} is new`;
  const why = changes?.map(insideInShort).join('; ');
  const because = why ? ` (${why})` : '';
  if (before.name !== undefined && before.name !== after.name)
    return `parent ${before.name} → ${after.name}${because}`;
  return `parent ${after.name} changed${because}`;
}

/** Inside the brackets behind a parent: files by their path in the tree. */
function insideInShort(change: ImageChange): string {
  if (change.kind !== 'files') return changeInShort(change);
  const named = change.files
    .slice(0, NAMED_FILES)
    .map(({ path, line }) => printable(path) + (line === undefined ? '' : `:${line}`));
  const more = change.count - named.length;
  return named.join(', ') + (more > 0 ? ` and ${more} more` : '');
}

type BaseChange = Extract<ImageChange, { kind: 'base' }>;

function baseInShort({ reference, before, after, resolved, unrecorded }: BaseChange): string {
  if (unrecorded)
    return `base ${reference} ${before === undefined ? 'is new (no record yet)' : 'has no record any more'}`;
  if (before === undefined) return `base ${reference} is new`;
  if (after === undefined) return `base ${reference} is gone`;
  const when = resolved === undefined ? '' : ` on ${day(resolved)}`;
  return `base ${reference} refreshed${when}, ${shortDigest(before)} → ${shortDigest(after)}`;
}

/** One base in place of another: another FROM. */
function replacedBase(changes: readonly ImageChange[]): string | undefined {
  const bases = changes.filter((change) => change.kind === 'base');
  const [gone, ...others] = bases.filter(({ after, unrecorded }) => after === undefined && !unrecorded);
  const [fresh, ...more] = bases.filter(({ before }) => before === undefined);
  if (!gone || !fresh || others.length + more.length > 0 || bases.length !== 2) return undefined;
  return `base ${gone.reference} → ${fresh.reference}${fresh.unrecorded ? ' (no record yet)' : ''}`;
}

function value(text = ''): string {
  const shown = /^[\w.:/@+-]+$/.test(text) ? text : JSON.stringify(text);
  return shown.length <= VALUE_LENGTH ? shown : `${shown.slice(0, VALUE_LENGTH - 1)}…`;
}

/** The first twelve digits of a digest. */
export function shortDigest(digest: string): string {
  return digest.replace('sha256:', '').slice(0, 12);
}

/** `2026-11-24 00:24` of an ISO time. */
export function day(time = ''): string {
  return time.slice(0, 16).replace('T', ' ');
}

import type { Explanation, FileChange, ImageChange } from '../../../model/schema/explanation.ts';
import type { PlannedImage } from '../../../model/schema/plan.ts';
import { changesInShort, day, fileInShort, whyInShort } from '../../../steps/why-words.ts';
import type { Terminal } from '../terminal.ts';
import { count, short } from './quantities.ts';
import { renderTable } from './table.ts';

/** What is shown of one image. */
export interface WhyDocument {
  readonly name: string;
  readonly imageHash: string | null;
  readonly contextHash: string;
  readonly action: PlannedImage['action'];
  readonly why: string;
  readonly explanation: Explanation;
  /** Unified diffs of changed text files, by {@link diffKey}. */
  readonly diffs: Readonly<Record<string, string>>;
}

/** One change of one file has one diff, whichever image it is shown for. */
export function diffKey({ path, before, after }: FileChange): string {
  return `${path} ${before?.objectId ?? ''} ${after?.objectId ?? ''}`;
}

const WORDS = {
  build: 'to build',
  reuse: 'known',
  unknown: 'not known',
  'not-needed': 'not needed',
} as const;
const COLOURS = { build: 'yellow', reuse: 'green', unknown: 'gray', 'not-needed': 'gray' } as const;

/** Why an image is built, in full: every file with its difference, every argument, parent and base, and the keys that were looked at. */
export function renderWhy(document: WhyDocument, { paint }: Pick<Terminal, 'paint'>): string[] {
  const { name, imageHash, action, explanation, diffs } = document;
  const { against, changes, notes, tried, reason, detail } = explanation;
  const lines = [`${paint('bold', name)} ${short(imageHash)}: ${paint(COLOURS[action], WORDS[action])}`];
  if ((reason === 'changed' || reason === 'unknown') && against) {
    if (detail !== undefined) lines.push(detail);
    const from =
      against.revision === undefined ? '' : `, from ${short(against.revision)} of ${against.repository}`;
    lines.push(
      `compared with the newest that is there: ${short(against.imageHash)}, built on ${day(against.created)} at level ${against.level}${from}`,
    );
  } else lines.push(whyInShort({ ...explanation, notes: [] }));
  for (const change of changes) lines.push('', ...changeLines(change, { paint, diffs }));
  for (const note of notes) lines.push('', note);
  if (tried.length > 0) {
    const rows = tried.map(({ key, found }) => [key, found]);
    lines.push('', paint('bold', 'Looked for in the index'), ...renderTable(rows).map((row) => `  ${row}`));
  }
  return lines;
}

interface Look {
  readonly paint: Terminal['paint'];
  readonly diffs: WhyDocument['diffs'];
}

function changeLines(change: ImageChange, look: Look): string[] {
  switch (change.kind) {
    case 'files':
      return [
        ...change.files.flatMap((file) => fileLines(file, look)),
        ...(change.count > change.files.length
          ? [`and ${count(change.count - change.files.length, 'more file')}`]
          : []),
      ];
    case 'base':
      return [
        look.paint('bold', changesInShort([change])),
        ...(change.before !== undefined && change.after !== undefined
          ? [`  before ${change.before}`, `  now    ${change.after}`]
          : []),
      ];
    case 'parent': {
      const { before, after, changes = [] } = change;
      const hashes = `${short(before?.imageHash ?? null)} → ${short(after?.imageHash ?? null)}`;
      const title = changesInShort([{ ...change, changes: [] }]);
      const because = changes.flatMap((each) => changeLines(each, look)).map((line) => `  ${line}`.trimEnd());
      const isSameName = before?.name === undefined || before.name === after?.name;
      const unknown =
        before && after && isSameName && changes.length === 0
          ? ['  its former build is not known any more']
          : [];
      return [look.paint('bold', before && after ? `${title}, ${hashes}` : title), ...because, ...unknown];
    }
    case 'context':
    case 'argument':
    case 'platform':
    case 'recipe':
      return [look.paint('bold', changesInShort([change]))];
  }
}

function fileLines(file: FileChange, { paint, diffs }: Look): string[] {
  const { before, after, what } = file;
  const title = paint('bold', fileInShort(file) + (file.inContext === undefined ? ' (included)' : ''));
  const diff = diffs[diffKey(file)];
  if (diff !== undefined) return [title, ...diff.split('\n').map((line) => `  ${paintLine(line, paint)}`)];
  // Without a diff the contents are at least named.
  if (what === 'mode') return [title];
  return [title, ...sideLine('before', before), ...sideLine('now   ', after)];
}

function sideLine(word: string, side: FileChange['before']): string[] {
  if (!side) return [];
  const size = side.sizeBytes === undefined ? '' : `, ${side.sizeBytes} bytes`;
  return [`  ${word} ${side.objectId}${size}`];
}

/** A line of a diff is the tree's: what a terminal would obey is written out. */
function paintLine(line: string, paint: Terminal['paint']): string {
  const shown = line.replace(
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
  if (/^(---|\+\+\+) /.test(shown)) return paint('bold', shown);
  if (shown.startsWith('+')) return paint('green', shown);
  if (shown.startsWith('-')) return paint('red', shown);
  return shown.startsWith('@@') ? paint('cyan', shown) : shown;
}

/** What a terminal obeys instead of showing it, and halves of characters. */
const UNSHOWN = /[\u0000-\u001f\u007f-\u009f\ud800-\udfff]/gu;

/** Colours, as `styleText` writes them. */
const COLOUR = /(\u001b\[[0-9;]*m)/;

/** A text that others chose, such as a path, with what a terminal must not be sent written out. */
export function printable(text: string): string {
  return text.replace(UNSHOWN, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** The same of a text that may be coloured. */
export function printableBesideColours(text: string): string {
  return text
    .split(COLOUR)
    .map((part, index) => (index % 2 === 1 ? part : printable(part)))
    .join('');
}

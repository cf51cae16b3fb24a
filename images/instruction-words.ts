export interface Flag {
  /** Without its dashes. */
  readonly name: string;
  readonly value: string | undefined;
}

export interface Words {
  /** With their quotes and escapes. */
  readonly words: readonly string[];
  /** A quote stays open in the last. */
  readonly isOpen: boolean;
}

/** Splits what follows a keyword as BuildKit does: flags without quotes and escapes, and what stands behind them. */
export function splitFlags(
  rest: string,
  escape: string,
): { readonly flags: readonly Flag[]; readonly operands: string } {
  const flags: Flag[] = [];
  let at = 0;
  for (;;) {
    while (/\s/.test(rest.charAt(at))) at += 1;
    if (!rest.startsWith('--', at)) break;
    const { text, end } = readFlag(rest, at, escape);
    at = end;
    if (text === '--') break;
    const equals = text.indexOf('=');
    flags.push(
      equals === -1
        ? { name: text.slice(2), value: undefined }
        : { name: text.slice(2, equals), value: text.slice(equals + 1) },
    );
  }
  return { flags, operands: rest.slice(at).trim() };
}

function readFlag(
  rest: string,
  start: number,
  escape: string,
): { readonly text: string; readonly end: number } {
  let text = '';
  let quote = '';
  let at = start;
  for (; at < rest.length; at += 1) {
    const character = rest.charAt(at);
    if (quote === '' && /\s/.test(character)) break;
    if (character === escape) text += rest.charAt((at += 1));
    else if (character === quote) quote = '';
    else if (quote === '' && (character === '"' || character === "'")) quote = character;
    else text += character;
  }
  return { text, end: at };
}

/** Splits a line at the blanks that are not in quotes and have no escape before them. */
export function splitWords(line: string, escape: string): Words {
  const words: string[] = [];
  let word = '';
  let quote = '';
  for (let at = 0; at < line.length; at += 1) {
    const character = line.charAt(at);
    if (quote === '' && /\s/.test(character)) {
      if (word !== '') words.push(word);
      word = '';
      continue;
    }
    word += character;
    if (character === escape && quote !== "'") word += line.charAt((at += 1));
    else if (character === quote) quote = '';
    else if (quote === '' && (character === '"' || character === "'")) quote = character;
  }
  if (word !== '') words.push(word);
  return { words, isOpen: quote !== '' };
}

/** What a FROM begins with, as written, and how it calls its stage, in small letters. Quotes keep no blanks together here. */
export function splitFrom(operands: string): { readonly image: string; readonly name: string | undefined } {
  const [image = '', as, name] = operands.split(/[\t\v\f\r ]+/);
  return { image, name: as?.toLowerCase() === 'as' ? name?.toLowerCase() : undefined };
}

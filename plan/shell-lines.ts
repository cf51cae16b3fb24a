/** What stands for itself: comments, texts in quotes, variables in braces, characters after a backslash. */
const LITERALS = /(?<=^|\s)#.*|'[^'\n]*'|"(?:[^"\\\n]|\\.)*"|\$\{[^{}'"`\n]*\}|\\./gm;

/** Where one of these is left, what happens after a failure takes more than a look to tell. */
const BEYOND_A_LOOK = /['"`{}]|<<|\$\?|\([ \t]*$|^[ \t]*\)/m;
const KEYWORD =
  /(?:^|[;&|(])[ \t]*(?:if|for|while|until|case|select|function|trap|exit|return)(?=$|[\s;&|)])/m;

const SHELLS: readonly string[] = ['set', 'sh', 'ash', 'dash', 'bash', 'ksh', 'zsh'];
const ENDS_ON_FAILURE = /^-[A-Za-z]*e|^errexit$/;

/** What hardly fails, or sets up what comes after it. */
const HARDLY_FAILS =
  /^(?:(?:echo|printf|export|readonly|unset|set|umask|alias|true|:|exec|sleep|date|pwd|id)(?=$|\s)|(?:[A-Za-z_]\w*=\S*(?:\s+|$))+$)/;

/**
 * Whether a text that `sh` runs goes on after a line that failed, so that nobody hears of it: there are several plain commands, each
 * on a line, and nothing that says otherwise. Where that takes more than a look to tell, the answer is no.
 */
export function goesOnAfterFailure(text: string): boolean {
  // Most commands have one line.
  if (!text.includes('\n')) return false;
  const plain = text
    .replaceAll('\r\n', '\n')
    .replaceAll('\\\n', ' ')
    .replace(LITERALS, (literal) => (literal.startsWith('#') ? '' : 'x'));
  if (BEYOND_A_LOOK.test(plain) || KEYWORD.test(plain)) return false;
  const lines = plain
    .replace(/(&&|\|)[ \t]*\n\s*/g, '$1 ')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  return !lines.some(endsOnFailure) && lines.slice(0, -1).some(mayFailUnheard);
}

function endsOnFailure(line: string): boolean {
  const words = line.split(/[\s;&|]+/);
  return words.some((word) => SHELLS.includes(word)) && words.some((word) => ENDS_ON_FAILURE.test(word));
}

/** A plain command: no list by `&&` or `||`, nothing in the background, negated or in parentheses. */
function mayFailUnheard(line: string): boolean {
  const plain = line.replace(/\$\([^()]*\)/g, 'x').replace(/[<>]&[\d-]+|&>/g, '');
  return !/[&()]|\|\||^!/.test(plain) && !HARDLY_FAILS.test(line);
}

import type { Remark } from './remark.ts';
import { shorten } from '../model/shorten.ts';

const EXACT = /^# %(?:ARG|include)/;
/** One name or path follows and nothing else: a sentence about these comments is none of them. */
const NEARLY = /^([ \t]*)#[ \t]*%[ \t]*(arg|include)[ \t]+(\S+)[ \t]*$/i;
const ARG_NAME = /^[A-Za-z_][\w.-]*$/;
const MAX_REMARKS = 10;

/** Finds comments that are meant for special ones and are none, by a blank or a letter. Lines are those of the file. */
export function checkSpecialComments(dockerfile: string): Remark[] {
  const remarks: Remark[] = [];
  for (const [index, line] of dockerfile.split(/\r\n?|\n/).entries()) {
    if (!line.includes('%') || EXACT.test(line)) continue;
    const [, indent = '', word = '', argument = ''] = NEARLY.exec(line) ?? [];
    if (word === '') continue;
    const isArg = word.toLowerCase() === 'arg';
    if (isArg && !ARG_NAME.test(argument)) continue;
    remarks.push({
      severity: 'warning',
      line: index + 1,
      column: indent.length + 1,
      message: `"${shorten(line.trim())}" is a comment like any other`,
      hint: `write "# %${isArg ? 'ARG' : 'include'} ${shorten(argument)}" at the beginning of the line, if it shall count`,
    });
    if (remarks.length === MAX_REMARKS) break;
  }
  return remarks;
}

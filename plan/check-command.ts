import { MAX_ARGUMENT_BYTES, tooManyBytes } from './argument-size.ts';
import type { DraftTask } from './draft.ts';
import type { FindingList } from './finding-list.ts';
import { goesOnAfterFailure } from './shell-lines.ts';
import { shorten } from '../model/shorten.ts';

/** Checks what a task runs: that it can be started at all, and that it is hardly meant otherwise. */
export function checkCommand(task: DraftTask, list: FindingList): void {
  const { command } = task.merged;
  if (command?.length === 0) {
    list.error(task.path('command'), 'command is empty', {
      hint: 'leave it out to run the command of the image',
    });
  }
  if (typeof command === 'string') checkText(command, task, list);
  else if (command) checkProgram(command, task, list);
  const words = typeof command === 'string' ? [command] : (command ?? []);
  for (const [index, word] of words.entries()) {
    const bytes = tooManyBytes(word);
    if (bytes === undefined) continue;
    const path = typeof command === 'string' ? task.path('command') : task.path('command', index);
    list.error(path, `an argument of the command has ${bytes} bytes`, {
      hint: `no program is started with more than ${MAX_ARGUMENT_BYTES}: put it into a file of the tree`,
    });
  }
}

function checkText(text: string, task: DraftTask, list: FindingList): void {
  if (text.length > MAX_ARGUMENT_BYTES || !goesOnAfterFailure(text)) return;
  list.warning(task.path('command'), 'sh goes on after a line that fails: only the last one decides', {
    hint: 'begin with a line "set -e", or join the lines by "&&"',
  });
}

/** A list of commands, as others have it, is none here. */
function checkProgram(words: readonly string[], task: DraftTask, list: FindingList): void {
  const [program = ''] = words;
  if (!/\S\s+\S/.test(program)) return;
  const hasCommands = words.every((word) => /\s/.test(word));
  const text = hasCommands ? words.join(' && ') : program;
  list.warning(task.path('command', 0), `"${shorten(program)}" would be the name of one program`, {
    hint: `a list is a program and its arguments, each word by itself; commands are one text: "${shorten(text)}"`,
  });
}

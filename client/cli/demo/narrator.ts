import { formatDuration } from '../render/quantities.ts';
import type { Terminal } from '../terminal.ts';

/** Thrown when something that the demo says is not so. */
export class ClaimFailed extends Error {
  override readonly name = 'ClaimFailed';
}

/** Tells a story on a terminal, with the time since its beginning, and vouches for what it says. */
export class Narrator {
  readonly #terminal: Terminal;
  readonly #began = performance.now();
  #chapter = 0;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  chapter(title: string): void {
    this.#chapter += 1;
    this.#terminal.print('');
    this.#terminal.print(this.#terminal.paint('bold', `${this.#chapter}. ${title}`));
  }

  /** A sentence of the story. */
  say(text: string): void {
    this.#terminal.print(`   ${text}`);
  }

  /** A command as a person would type it. */
  command(text: string): void {
    this.#terminal.print(`   ${this.#terminal.paint('cyan', `$ ${text}`)}`);
  }

  /** What a command printed. */
  output(text: string): void {
    for (const line of text.split('\n').map((each) => each.trimEnd())) {
      if (line !== '') this.#terminal.print(`   ${this.#terminal.paint('gray', `| ${line}`)}`);
    }
  }

  /** Something that happened, with the time. */
  happened(text: string): void {
    this.#terminal.print(`   ${formatDuration(performance.now() - this.#began).padStart(11)}  ${text}`);
  }

  status(text: string): void {
    this.#terminal.status(text === '' ? '' : `   ${text}`);
  }

  /** Says what is so, after it was looked at. @throws {ClaimFailed} when it is not. */
  claim(text: string, holds: boolean, found: unknown): void {
    if (!holds)
      throw new ClaimFailed(`This should be so and is not: ${text}. Found: ${JSON.stringify(found)}`);
    this.#terminal.print(`   ${this.#terminal.paint('green', '✓')} ${text}`);
  }
}
